/** Whether the process and its database are well. */
export class HealthDto {
  status: 'ok';

  database: 'up';
}

/** The running version. */
export class VersionDto {
  /** @example "assimetria-credits" */
  name: string;

  /** @example "0.1.0" */
  version: string;

  /** @example "v20.20.2" */
  node: string;
}
