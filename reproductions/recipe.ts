// The recipe of all results: what the methods are set to beyond their defaults, the same for every task.
import { presetSize, type MethodId } from '../src/index';

/** Raised where a method's algorithm changes, so that older results no longer count. A changed default is noticed by itself (cells/result.ts). */
export const RECIPE = 1;

/** Of the student of every method that trains one, the same loss and rates: at 2 and 3 bits, and from 4 bits on, where it begins near its teacher. */
const STUDENT = ['divergence.hidden=100', 'scaleRate=0.01', 'rate=0.0001', 'layerwise.steps=600'], STUDENT_4 = ['divergence.hidden=100', 'scaleRate=0.0001', 'rate=0.00001', 'layerwise.steps=150'], PLAYER = ['generator.noise=written'];
/** From 4 bits on SAM's radius too: that of 2 bits raises the divergence of a student near its teacher five times as much. */
const RADIUS_4 = ['beta=0.00005'];

type Recipe = Readonly<Partial<Record<MethodId, readonly string[]>>>;
const recipe = (student: readonly string[], radius: readonly string[] = []): Recipe => ({
  zeroQuant: ['lkd=on'], gptq: ['order=activation'], qatReal: student, qatRandom: student, llmQat: student, adversarial: [...student, ...PLAYER], samSga: [...student, ...radius, ...PLAYER],
});

/** Settings of a method over its defaults, `path=value`, frozen after the search by the fixed bank (specs/search.ts; a test holds both together). */
export const FROZEN = recipe(STUDENT);
/** The same from 4 bits on. */
const FROZEN_4 = recipe(STUDENT_4, RADIUS_4);

/**
 * What the recipe says of a method at a size and a width. A layer-wise start has as many updates as a full run has steps there, whatever a cell's own
 * steps, and so as many as ZeroQuant has: what was frozen is that of preset `mini`.
 */
export function recipeAt(method: MethodId, preset: string, bits: string): string[] {
  const { steps } = presetSize(preset, weightBits(bits), 'single', Infinity), settings = (weightBits(bits) < 4 ? FROZEN : FROZEN_4)[method] ?? [];
  return settings.map((s) => (s.startsWith('layerwise.steps=') ? `layerwise.steps=${steps}` : s));
}

/** Bits of the weights in a width such as 'W2A8'. */
export function weightBits(bits: string): number { return Number(/^W(\d+)/.exec(bits)?.[1] ?? 8); }
