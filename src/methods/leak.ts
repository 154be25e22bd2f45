import { ZsaqError } from '../core/error';

type Card = Readonly<Record<string, unknown>> | undefined;

/** The sets that a model folder says it was trained on (`trainedOn: [{ set, split, ... }]` in `zsaq.json`). */
export function trainedOn(card: Card): string[] {
  const list = card?.trainedOn;
  return Array.isArray(list) ? list.map((t) => String((t as { set?: unknown } | null)?.set)) : [];
}

/**
 * Zero-shot means that no text of the evaluation and none of the teacher's training reaches the student, also not
 * through a generator that has read it. A folder without a card cannot be checked.
 *
 * @param task name of the evaluation set, if there is one
 * @throws ZsaqError 'leak'
 */
export function refuseLeak(generator: Card, teacher: Card, task?: string): void {
  const forbidden = [...trainedOn(teacher), ...(task ? [task] : [])].map(family), leak = trainedOn(generator).find((t) => forbidden.includes(family(t)));
  if (leak) throw new ZsaqError('leak', `the generator was trained on ${leak}, which the model was trained on or is scored on: choose a generator that never saw it`);
}

/** WikiText-103's validation and test text is WikiText-2's, raw or tokenized: one family. */
function family(set: string): string { return set.replace(/^wikitext-(2|103)(-raw)?$/, 'wikitext'); }
