import { ZsaqError } from '../core/error';
import { groupShape } from './affine';
import { checkActivation, checkSpec, type ActivationSpec, type Bits, type QuantSpec } from './spec';

/** The part of a model that a plan needs. */
interface Plannable {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly linears: readonly { weight: string; site: string; oneSided?: boolean }[];
  /** sites of the attention probabilities */
  readonly probabilities?: readonly string[];
  readonly wordEmbedding: string;
}

/** What `makePlan` turns into one QuantSpec for each weight and activation. */
export interface PlanOptions {
  weights: Bits;
  activations: 8 | null;
  grid: QuantSpec['grid'];
  scale: QuantSpec['scale'];
  granularity: QuantSpec['granularity'];
  learned: boolean;
  /** word embeddings: row-wise at 8 bits, at the weight width, or not at all */
  embeddings: '8' | 'weights' | 'none';
  /** first and last layer of the encoder or decoder: at the weight width as the others, row-wise at 8 bits, or not at all; absent: as the others */
  ends?: 'weights' | '8' | 'none';
  /** weight name pattern (`*` matches anything) -> changes to its specification, or `full` to leave it alone; the last match wins */
  rules: Record<string, Partial<QuantSpec> | 'full'>;
  /** absent: `activationDefaults` */
  activation?: ActivationOptions;
}

/** How the inputs of the linear layers are quantized, where they are. */
export interface ActivationOptions {
  /** scales of each token as it comes, or one for each site, fixed by calibration */
  range: 'dynamic' | 'static';
  /** absmax (min and max), mse or percentile */
  scale: 'absmax' | 'mse' | 'percentile';
  /** share of the values that `percentile` covers */
  percentile: number;
  /** batches that a static scale is calibrated on */
  batches: number;
  /** grid of the inputs that come out of ReLU or GELU and are (nearly) never below zero */
  oneSided: 'symmetric' | 'asymmetric';
  /** attention probabilities as well, on the asymmetric grid */
  probabilities: boolean;
  /** site pattern -> changes to its specification, or `full` to leave it alone; the last match wins */
  rules: Record<string, Partial<ActivationSpec> | 'full'>;
}

export const activationDefaults: ActivationOptions = {
  range: 'dynamic', scale: 'absmax', percentile: 0.999, batches: 8, oneSided: 'symmetric', probabilities: false, rules: {},
};

/** What is quantized and how: by name, plain data, stored with every result and printed. */
export interface QuantPlan {
  readonly weights: Readonly<Record<string, QuantSpec>>;
  /** sites whose inputs are quantized */
  readonly sites: readonly string[];
  readonly activationBits: number | null;
  /** sites whose inputs are not quantized in the plain way, symmetric with a scale for each token; absent: there are none */
  readonly activations?: Readonly<Record<string, ActivationSpec>>;
}

/**
 * Default: every linear layer of the encoder or decoder at the weight width, its input at the activation width, word
 * embeddings row-wise; heads (BERT's pooler and classifier), position embeddings, norms and biases stay in full
 * precision. A language-model head that is tied to the word embeddings is quantized with them.
 */
export function makePlan(model: Plannable, options: PlanOptions): QuantPlan {
  const base: QuantSpec = { bits: options.weights, granularity: options.granularity, grid: options.grid, scale: options.scale, learned: options.learned };
  const weights: Record<string, QuantSpec> = {};
  for (const { weight } of model.linears) weights[weight] = base;
  if (options.embeddings !== 'none') {
    weights[model.wordEmbedding] = options.embeddings === '8'
      ? EIGHT_BITS
      : { ...base, learned: false };
  }
  if (options.ends && options.ends !== 'weights') for (const n of endsOf(model)) {
    if (options.ends === 'none') delete weights[n];
    else weights[n] = { ...base, ...EIGHT_BITS, learned: base.learned };
  }
  obey(weights, options.rules, 'quantized weight', model.linears[0]?.weight);
  for (const [n, spec] of Object.entries(weights)) groupShape(model.shapes[n], checkSpec(spec).granularity, n);
  const sites = new Set(model.linears.filter(({ weight }) => weights[weight]).map(({ site }) => site));
  return { weights, ...planActivations(model, [...sites], options) };
}

/** The sites that are quantized, and those of them that are not quantized in the plain way. */
function planActivations(model: Plannable, sites: readonly string[], { activations: bits, activation: o = activationDefaults }: PlanOptions): Omit<QuantPlan, 'weights'> {
  if (bits === null) return { sites, activationBits: null };
  const percentile = o.scale === 'percentile' ? { percentile: o.percentile } : {};
  const base: ActivationSpec = { bits, granularity: o.range === 'static' ? 'tensor' : 'row', grid: 'symmetric', scale: o.scale, learned: false, ...percentile };
  const oneSided = new Set(model.linears.filter((l) => l.oneSided).map(({ site }) => site));
  const specs: Record<string, ActivationSpec> = Object.fromEntries(sites.map((site) => [site, { ...base, grid: oneSided.has(site) ? o.oneSided : 'symmetric' }]));
  if (o.probabilities) for (const site of model.probabilities ?? []) specs[site] = { ...base, grid: 'asymmetric' };
  obey(specs, o.rules, 'quantized site', model.linears[0]?.site);
  const special = Object.entries(specs).filter(([site, s]) => !isPlain(checkActivation(s, site), bits));
  return { sites: Object.keys(specs), activationBits: bits, ...(special.length ? { activations: Object.fromEntries(special) } : {}) };
}

const isPlain = (s: ActivationSpec, bits: number): boolean => s.granularity === 'row' && s.grid === 'symmetric' && s.scale === 'absmax' && s.bits === bits;

const EIGHT_BITS = { bits: 8, granularity: 'row', grid: 'symmetric', scale: 'absmax', learned: false } as const;

/** Changes specifications by name pattern, in place. */
function obey<T extends object>(specs: Record<string, T>, rules: Record<string, Partial<T> | 'full'>, what: string, example: string | undefined): void {
  for (const [pattern, change] of Object.entries(rules)) {
    const names = matching(Object.keys(specs), pattern);
    if (!names.length) throw new ZsaqError('usage', `rule "${pattern}" matches no ${what}: names look like ${example}`);
    if (change !== 'full' && (typeof change !== 'object' || change === null)) throw new ZsaqError('usage', `rule "${pattern}": give "full" or changes such as {"bits":8}, not ${JSON.stringify(change)}`);
    for (const n of names) {
      if (change === 'full') delete specs[n];
      else specs[n] = { ...specs[n], ...change };
    }
  }
}

/** Weights of the first and the last layer, and of projections outside the layers (OPT-350m). */
function endsOf({ linears }: Plannable): string[] {
  const layer = (name: string): number | undefined => { const m = /\.(\d+)\./.exec(name); return m ? Number(m[1]) : undefined; };
  const last = Math.max(...linears.map(({ weight }) => layer(weight) ?? 0));
  return linears.map(({ weight }) => weight).filter((w) => [undefined, 0, last].includes(layer(w)));
}

/** The plan with scales for its static activations. */
export function withFixed(plan: QuantPlan, fixed: Readonly<Record<string, { scale: number; zero: number }>>): QuantPlan {
  return { ...plan, activations: Object.fromEntries(Object.entries(plan.activations ?? {}).map(([site, a]) => [site, fixed[site] ? { ...a, fixed: fixed[site] } : a])) };
}

function matching(names: string[], pattern: string): string[] {
  const expression = new RegExp(`^${pattern.split('*').map((s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`);
  return names.filter((n) => expression.test(n));
}

/** The plan in a few lines: equal specifications together. */
export function describePlan(plan: QuantPlan): string[] {
  const groups = new Map<string, string[]>();
  for (const [name, s] of Object.entries(plan.weights)) {
    const g = typeof s.granularity === 'object' ? `groups of ${s.granularity.group}` : `per ${s.granularity}`;
    const key = `${s.bits} bits, ${s.grid}, ${g}, scale ${s.scale}${s.learned ? ', then learned' : ''}`;
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  const lines = [...groups].map(([key, names]) => `${names.length} weight${names.length > 1 ? 's' : ''} (${names[0]}${names.length > 1 ? ', ...' : ''}): ${key}`);
  lines.push(...describeActivations(plan));
  lines.push('everything else (heads, position embeddings, norms, biases): full precision');
  return lines;
}

function describeActivations({ sites, activationBits, activations = {} }: QuantPlan): string[] {
  if (activationBits === null) return ['activations: full precision'];
  const kinds = new Map<string, number>();
  for (const site of sites) {
    const a = activations[site], covers = a?.scale === 'percentile' ? `percentile ${100 * (a.percentile ?? 0.999)}` : a?.scale;
    const key = !a ? `${activationBits} bits, dynamic per token` : `${a.bits} bits, ${a.grid}, ${a.granularity === 'tensor' ? 'static' : 'dynamic per token'}, scale ${covers}`;
    kinds.set(key, (kinds.get(key) ?? 0) + 1);
  }
  return [...kinds].map(([key, n]) => `inputs of ${n} site${n > 1 ? 's' : ''}: ${key}`);
}

/**
 * Bytes of the packed model: b bits a code, 4 bytes a scale, 1 byte a zero point that is not implied by the grid,
 * 4 bytes for every other parameter. An empty plan gives the full-precision size.
 */
export function sizeBytes(shapes: Plannable['shapes'], plan: QuantPlan): number {
  let bytes = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const size = shape.reduce((a, b) => a * b, 1), spec = plan.weights[name];
    if (!spec) { bytes += 4 * size; continue; }
    const [groups] = groupShape(shape, spec.granularity);
    bytes += Math.ceil((size * spec.bits) / 8) + groups * (4 + (spec.grid === 'asymmetric' ? 1 : 0));
  }
  return bytes;
}
