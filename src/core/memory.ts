import { tf } from './backend';

/** `tf.tidy` for any result: tensors in plain objects and arrays survive, everything else made inside is disposed. */
export function tidy<T>(f: () => T): T {
  return tf.tidy(f as () => never) as T;
}

/** Tensors alive now; a training step must leave this unchanged. */
export function tensorCount(): number { return tf.memory().numTensors; }

/** Largest resident memory of the process so far, in bytes (tensors of the native backend live outside the JavaScript heap). */
export function peakBytes(): number { return process.resourceUsage().maxRSS * 1024; }
