/** What a fault test counted. Lost: acknowledged and not there. Doubled: there more than once. */
export interface Counts {
  sent: number;
  acknowledged: number;
  lost: number;
  doubled: number;
}

/** Writes one line, so that whoever runs the faults can quote it. */
export function report(what: string, { sent, acknowledged, lost, doubled }: Counts, more = ''): void {
  process.stdout.write(
    `${what}: ${sent} sent, ${acknowledged} acknowledged, ${lost} lost, ${doubled} doubled${more && `; ${more}`}\n`,
  );
}
