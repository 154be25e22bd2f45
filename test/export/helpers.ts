import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makePlan } from '../../src/quant/plan';
import { planDefaults, METHODS } from '../../src/quantize';
import { saveQuantized } from '../../src/export/packed';
import { loadModel } from '../../src/models/load';
import { dispose } from '../../src/core/tree';
import type { PlanOptions } from '../../src/quant/plan';
import type { ExportSource } from '../../src/export/source';
import type { Model } from '../../src/models/model';

const place = join(__dirname, '../../.cache/export');
export const python = join(place, 'python/bin/python');
export const hasNode = existsSync(join(place, 'node_modules/onnxruntime-node')), hasPython = existsSync(python);
export const SKIPPED = '      skipped: npm run setup:export installs the runtimes';

/** Rounds a model to the plan and saves it packed. */
export async function saveRounded(dir: string, from: string, bits: 2 | 3 | 4 | 8, options: Partial<PlanOptions> = {}): Promise<void> {
  const teacher = await loadModel(from), plan = makePlan(teacher.model, { ...planDefaults(bits, 8, false), scale: 'absmax', ...options });
  const result = await METHODS.ptq.run({ teacher, plan } as never, {} as never);
  saveQuantized(dir, { ...result, config: teacher.config, copyFrom: from });
  dispose(teacher.params, result.params, ...Object.values(result.affines).map(({ scale, zero }) => ({ scale, zero })));
}

export interface Rows { ids: Int32Array; mask: Int32Array; typeIds: Int32Array; batch: number; seq: number }

/** An ONNX file in onnxruntime-node, as a function to the data of its first output. */
export async function onnxSession(bytes: Uint8Array): Promise<(rows: Rows) => Promise<Float32Array>> {
  const ort = createRequire(join(place, 'package.json'))('onnxruntime-node'), session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  return async ({ ids, mask, typeIds, batch, seq }) => {
    const given: Record<string, Int32Array> = { input_ids: ids, attention_mask: mask, token_type_ids: typeIds };
    const feeds = session.inputMetadata.map(({ name, shape }: { name: string; shape: number[] }) => [name, given[name]
      ? new ort.Tensor('int64', BigInt64Array.from(given[name], BigInt), [batch, seq]) : new ort.Tensor('float32', new Float32Array(0), [batch, shape[1], 0, shape[3]])]);
    const out = await session.run(Object.fromEntries(feeds));
    return (out.logits ?? out.last_hidden_state).data as Float32Array;
  };
}

/** Rows of random tokens with padding behind every second one. */
export function rowsFor(model: Model, batch = 3, seq = 8): Rows {
  const ids = Int32Array.from({ length: batch * seq }, (_, i) => 3 + ((i * 7919) % (model.vocabSize - 3))), mask = new Int32Array(batch * seq).fill(1);
  for (let row = 1; row < batch; row += 2) for (let i = 5; i < seq; i++) [mask[row * seq + i], ids[row * seq + i]] = [0, model.padId];
  return { ids, mask, typeIds: new Int32Array(batch * seq), batch, seq };
}

export type { ExportSource };
