import { IsIn } from 'class-validator';
import { SANDBOX_ACTIONS, type SandboxAction } from './sandbox.provider.js';

/** Which button of the sandbox's checkout was pressed. */
export class SandboxActionDto {
  @IsIn(SANDBOX_ACTIONS)
  action: SandboxAction;
}
