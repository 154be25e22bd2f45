// Settings that are sound one by one and not together.
import { ZsaqError } from '../core/error';
import { speaksTokens } from './adaptation';
import type { SamSgaConfig } from './config';

/** Refuses combinations of SAM-SGA's settings that have no meaning. @throws ZsaqError saying what to change */
export function checkCombination({ generator, adaptation, stepsPerBatch }: SamSgaConfig): void {
  const refuse = (set: string, why: string): never => { throw new ZsaqError('usage', `--set ${set}: ${why}`); };
  if (generator.entropy > 0 && adaptation.kind === 'linear') {
    refuse(`generator.entropy=${generator.entropy}`, 'the linear map has no output distribution: use generator.diversity, or another adaptation.kind');
  }
  if (generator.manifold > 0 && speaksTokens(adaptation.kind)) {
    refuse(`generator.manifold=${generator.manifold}`, `${adaptation.kind} speaks in real tokens, which are on the manifold: it is for adaptation.kind soft and linear`);
  }
  if (generator.pass !== 'shared') return;
  if (generator.divergence !== 'same') refuse('generator.pass=shared', `one tape has one divergence: leave generator.divergence=same`);
  if (generator.every % stepsPerBatch) {
    refuse('generator.pass=shared', `the generator follows fresh batches: generator.every (${generator.every}) must be a multiple of stepsPerBatch (${stepsPerBatch})`);
  }
}
