import { ZsaqError } from '../core/error';
import { groupShape } from './affine';
import { checkSpec, type Bits, type QuantSpec } from './spec';

/** The part of a model that a plan needs. */
interface Plannable {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly linears: readonly { weight: string; site: string }[];
  readonly wordEmbedding: string;
}

export interface PlanOptions {
  weights: Bits;
  activations: 8 | null;
  grid: QuantSpec['grid'];
  scale: QuantSpec['scale'];
  granularity: QuantSpec['granularity'];
  learned: boolean;
  /** word embeddings: row-wise at 8 bits, at the weight width, or not at all */
  embeddings: '8' | 'weights' | 'none';
  /** weight name pattern (`*` matches anything) -> changes to its specification, or `full` to leave it alone; the last match wins */
  rules: Record<string, Partial<QuantSpec> | 'full'>;
}

/** What is quantized and how: by name, plain data, stored with every result and printed. */
export interface QuantPlan {
  readonly weights: Readonly<Record<string, QuantSpec>>;
  /** sites whose inputs are quantized */
  readonly sites: readonly string[];
  readonly activationBits: number | null;
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
      ? { bits: 8, granularity: 'row', grid: 'symmetric', scale: 'absmax', learned: false }
      : { ...base, learned: false };
  }
  for (const [pattern, change] of Object.entries(options.rules)) {
    const names = matching(Object.keys(weights), pattern);
    if (!names.length) throw new ZsaqError('usage', `rule "${pattern}" matches no quantized weight: names look like ${model.linears[0]?.weight}`);
    for (const n of names) {
      if (change === 'full') delete weights[n];
      else weights[n] = { ...weights[n], ...change };
    }
  }
  for (const [n, spec] of Object.entries(weights)) groupShape(model.shapes[n], checkSpec(spec).granularity, n);
  const sites = new Set(model.linears.filter(({ weight }) => weights[weight]).map(({ site }) => site));
  return { weights, sites: [...sites], activationBits: options.activations };
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
  lines.push(plan.activationBits === null ? 'activations: full precision' : `inputs of ${plan.sites.length} sites: ${plan.activationBits} bits, dynamic per token`);
  lines.push('everything else (heads, position embeddings, norms, biases): full precision');
  return lines;
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
