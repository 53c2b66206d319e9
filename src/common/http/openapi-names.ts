import type { OpenAPIObject } from '@nestjs/swagger';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** Public names of classes that say too little outside their module. */
const RENAMED: Partial<Record<string, string>> = {
  AccountField: 'ReleaseHold',
  BalanceGrantDto: 'Grant',
  CaptureDto: 'CaptureCredits',
  GrantDto: 'GrantTokens',
  OpenHoldDto: 'OpenCreditHold',
  PackageDto: 'CreditPackage',
  PlanDto: 'TokenPlan',
  // A client in Python names the enum of a field after both: PurchaseRefundStatus is that of Purchase.refund_status.
  PurchaseRefundDto: 'RefundOfPurchase',
};

/** The mark of an operation that only administrators may ask for. */
export const FOR_ADMINISTRATORS = 'x-for-administrators';

/** The public name of a DTO's class. */
export const publicName = (className: string): string => RENAMED[className] ?? className.replace(/Dto$/, '');

/**
 * The public names of all schemas. The body of a request has its own ending, so that a client reads `DebitRequest` and
 * not `Debit`.
 * @throws Error when two would have one name
 */
export function publicNames(names: readonly string[], bodies: ReadonlySet<string>): Map<string, string> {
  const all = new Map(names.map((name) => [name, publicName(name) + (bodies.has(name) ? 'Request' : '')]));
  const taken = [...all.values()];
  const twice = taken.find((name, i) => taken.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`Two schemas would be called ${twice}.`);
  return all;
}

const camel = (words: string): string => words.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/**
 * The id of an operation: its section and what it does, such as `credits.debit`, `purchases.refund` and
 * `admin.accounts.list`.
 * @param path such as `/api/credits/debit`
 * @param handler the controller and its method, such as `CreditsController.debit`
 */
export function operationId(path: string, handler: string): string {
  const [controller, method] = handler.split('.') as [string, string];
  const [, , first, second] = path.split('/') as [string, string, string, string?];
  // A path of one word is what its controller does: /health.
  if (second === undefined) return `${controller.replace(/Controller$/, '').toLowerCase()}.${method}`;
  if (first === 'payments') return `${camel(second)}.${method}`;
  return first === 'admin' ? `admin.${camel(second)}.${method}` : `${camel(first)}.${method}`;
}

/** Groups administrators' operations by themselves. */
export function regroup(path: string, operation: Operation): void {
  const marks = operation as unknown as Record<string, unknown>;
  if (path.startsWith('/api/admin/')) marks[FOR_ADMINISTRATORS] = true;
  if (marks[FOR_ADMINISTRATORS] === true)
    operation.tags = (operation.tags ?? []).map((tag) => (/^Admin\b/.test(tag) ? tag : `Admin: ${tag.toLowerCase()}`));
}

/** Describes every tag that is used, those of administrators last, and groups them. */
export function groupTags(document: OpenAPIObject, used: readonly string[]): void {
  const described = (document.tags ?? []).map(({ name }) => name);
  const isAdmins = (tag: string) => /^Admin\b/.test(tag);
  const names = [...described, ...used.filter((tag, i) => !described.includes(tag) && used.indexOf(tag) === i)];
  const groups = [
    { name: 'For everybody', tags: names.filter((tag) => used.includes(tag) && !isAdmins(tag)) },
    { name: 'For administrators', tags: names.filter((tag) => used.includes(tag) && isAdmins(tag)) },
  ].filter(({ tags }) => tags.length > 0);
  const descriptions = new Map((document.tags ?? []).map(({ name, description }) => [name, description]));
  document.tags = groups
    .flatMap(({ tags }) => tags)
    .map((name) => ({ name, description: descriptions.get(name) ?? descriptionOf(name) }));
  (document as unknown as Record<string, unknown>)['x-tagGroups'] = groups;
}

function descriptionOf(tag: string): string {
  const [, section] = /^Admin: (.*)$/.exec(tag) ?? [];
  return section === undefined ? `${tag}.` : `For administrators: ${section.toLowerCase()}.`;
}
