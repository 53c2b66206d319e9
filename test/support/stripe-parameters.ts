import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

/** What a parameter may be, in the form that a request carries: text. */
export type Rule =
  | 'string'
  | 'integer'
  | 'boolean'
  | { readonly enum: readonly string[] }
  | { readonly items: Rule }
  | { readonly map: Rule }
  | { readonly fields: Readonly<Record<string, Rule>>; readonly required: readonly string[] }
  | { readonly any: readonly Rule[] };

/** Each request that the fake answers, and the SDK's type of its parameters. */
const REQUESTS = {
  'POST /v1/customers': 'CustomerCreateParams',
  'POST /v1/checkout/sessions': 'Checkout.SessionCreateParams',
  'GET /v1/checkout/sessions': 'Checkout.SessionListParams',
  'GET /v1/checkout/sessions/:id': 'Checkout.SessionRetrieveParams',
  'GET /v1/payment_intents/:id': 'PaymentIntentRetrieveParams',
  'POST /v1/refunds': 'RefundCreateParams',
  'GET /v1/refunds': 'RefundListParams',
  'GET /v1/disputes': 'DisputeListParams',
  'GET /v1/events': 'EventListParams',
} as const;

export type RequestName = keyof typeof REQUESTS;

export const PARAMETERS_FILE = resolve('test/support/stripe-parameters.json');

/** The rules as they are committed. */
export function readParameters(): Record<RequestName, Rule> {
  return JSON.parse(readFileSync(PARAMETERS_FILE, 'utf8')) as Record<RequestName, Rule>;
}

/**
 * Reads the rules out of the SDK's types. Its enums are open (`'payment' | … | OtherString`), so that it compiles
 * against a later API; here they are closed, and every number is an integer, as Stripe has them.
 */
export function deriveParameters(): string {
  const file = join(resolve('test/support'), 'stripe-requests.virtual.ts');
  const source = `import Stripe from 'stripe';\nexport interface Requests {\n${Object.entries(REQUESTS)
    .map(([name, type]) => `  '${name}': Stripe.${type};`)
    .join('\n')}\n}`;
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
  };
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    getSourceFile: (name, ...rest) =>
      name === file
        ? ts.createSourceFile(file, source, ts.ScriptTarget.ES2022, true)
        : disk.getSourceFile(name, ...rest),
    fileExists: (name) => name === file || disk.fileExists(name),
    readFile: (name) => (name === file ? source : disk.readFile(name)),
  };
  const program = ts.createProgram([file], options, host);
  const checker = program.getTypeChecker();
  const root = program.getSourceFile(file)!;
  const declaration = root.statements.find(ts.isInterfaceDeclaration)!;

  const ruleOf = (type: ts.Type, depth = 0): Rule => {
    if (depth > 12) throw new Error(`the type ${checker.typeToString(type)} is nested too deep`);
    const members = (type.isUnion() ? type.types : [type]).filter(
      (member) => !(member.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null)) && !member.isIntersection(),
    );
    const literals = members.flatMap((member) => (member.isStringLiteral() ? [member.value] : []));
    const others = members.filter((member) => !member.isStringLiteral());
    const rules: Rule[] = [];
    if (literals.length > 0) rules.push({ enum: literals.sort() });
    if (others.some((member) => member.flags & ts.TypeFlags.BooleanLike)) rules.push('boolean');
    for (const member of others) {
      if (member.flags & ts.TypeFlags.BooleanLike) continue;
      if (member.flags & ts.TypeFlags.StringLike) rules.push('string');
      else if (member.flags & ts.TypeFlags.NumberLike) rules.push('integer');
      else if (checker.isArrayType(member))
        rules.push({ items: ruleOf(checker.getTypeArguments(member as ts.TypeReference)[0]!, depth + 1) });
      else rules.push(objectRule(member, depth));
    }
    return rules.length === 1 ? rules[0]! : { any: rules };
  };
  const objectRule = (type: ts.Type, depth: number): Rule => {
    const index = checker.getIndexInfoOfType(type, ts.IndexKind.String);
    if (index) return { map: ruleOf(index.type, depth + 1) };
    const properties = [...checker.getPropertiesOfType(type)].sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      fields: Object.fromEntries(
        properties.map((property) => [
          property.name,
          ruleOf(checker.getTypeOfSymbolAtLocation(property, root), depth + 1),
        ]),
      ),
      required: properties.filter(({ flags }) => !(flags & ts.SymbolFlags.Optional)).map(({ name }) => name),
    };
  };
  const rules = Object.fromEntries(
    declaration.members.map((member) => {
      const symbol = checker.getSymbolAtLocation(member.name!)!;
      return [symbol.name, ruleOf(checker.getTypeOfSymbolAtLocation(symbol, root))];
    }),
  );
  return `${JSON.stringify(rules)}\n`;
}

/**
 * Holds a request's parameters against their rule.
 * @param pairs as they came: `line_items[0][quantity]` and its text
 * @returns what Stripe would say is wrong, or undefined
 */
export function parameterProblem(rule: Rule, pairs: Iterable<[string, string]>): string | undefined {
  const tree: Tree = {};
  for (const [name, value] of pairs) {
    const path = name.split(/[[\]]+/).filter((part) => part !== '');
    let node = tree;
    for (const part of path.slice(0, -1)) {
      const next = (node[part] ??= {});
      if (typeof next === 'string') return `Invalid ${name}`;
      node = next;
    }
    node[path.at(-1)!] = value;
  }
  return problem(rule, tree, '');
}

type Tree = { [name: string]: Tree | string };

function problem(rule: Rule, value: Tree | string, name: string): string | undefined {
  const invalid = `Invalid ${name}: ${JSON.stringify(value)}`;
  if (typeof rule === 'string') {
    if (typeof value !== 'string') return invalid;
    const fits =
      rule === 'string'
        ? value.length <= 5_000
        : rule === 'integer'
          ? /^-?\d{1,15}$/.test(value)
          : /^(true|false)$/.test(value);
    return fits ? undefined : invalid;
  }
  if ('enum' in rule) return typeof value === 'string' && rule.enum.includes(value) ? undefined : invalid;
  if ('any' in rule) return rule.any.some((one) => problem(one, value, name) === undefined) ? undefined : invalid;
  if (typeof value === 'string') return invalid;
  const nested = (key: string) => (name === '' ? key : `${name}[${key}]`);
  const first = (problems: (string | undefined)[]) => problems.find((one) => one !== undefined);
  if ('items' in rule)
    return first(
      Object.entries(value).map(([key, item]) =>
        /^\d+$/.test(key) ? problem(rule.items, item, nested(key)) : invalid,
      ),
    );
  if ('map' in rule) return first(Object.entries(value).map(([key, item]) => problem(rule.map, item, nested(key))));
  const missing = rule.required.find((key) => !(key in value));
  if (missing) return `Missing required param: ${nested(missing)}`;
  return first(
    Object.entries(value).map(([key, item]) =>
      rule.fields[key] ? problem(rule.fields[key], item, nested(key)) : `Received unknown parameter: ${nested(key)}`,
    ),
  );
}
