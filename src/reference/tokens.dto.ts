import { IsBoolean, IsOptional, Matches } from 'class-validator';

/** Whom a token for trying out speaks for. */
export class SandboxTokenDto {
  /** The user's id. */
  @Matches(/^[\x21-\x7e]{1,200}$/, { message: 'user must be 1 to 200 visible ASCII characters' })
  user: string;

  /** Whether the user is an administrator. */
  @IsOptional()
  @IsBoolean()
  admin?: boolean;
}
