import { IsIn } from 'class-validator';

/** The buttons of the sandbox's page. */
const SANDBOX_ACTIONS = [
  'pay',
  'pay_later',
  'succeed',
  'fail',
  'decline',
  'cancel',
  'refund',
  'refund_half',
  'dispute',
  'win',
  'lose',
] as const;
export type SandboxAction = (typeof SANDBOX_ACTIONS)[number];

/** The button that was pressed on the sandbox's page. */
export class SandboxActionDto {
  @IsIn(SANDBOX_ACTIONS)
  action: SandboxAction;
}
