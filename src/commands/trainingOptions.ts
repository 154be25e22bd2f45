import { ZsaqError } from '../core/error';
import { optional, wholeNumber, type Values } from './command';

/** A number option above 0. */
export function numberFrom(values: Values, name: string, fallback: number): number {
  const v = optional(values, name);
  if (v === undefined) return fallback;
  if (!(Number(v) > 0 && Number.isFinite(Number(v)))) throw new ZsaqError('usage', `--${name} ${v}: give a number above 0`);
  return Number(v);
}

/** A whole number option of at least 1. */
export function countFrom(values: Values, name: string, fallback: number): number {
  const v = wholeNumber(values, name, fallback);
  if (v < 1) throw new ZsaqError('usage', `--${name} ${v}: give a whole number of at least 1`);
  return v;
}
