// The fixed bank of a teacher as a file: made once, read by every run that is to be compared.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { BANK_PARTS, bankDefaults, disposeBank, makeBank, type Bank, type BankPart } from '../methods/bank';
import { samSgaDefaults } from '../methods/config';
import { presetSize } from '../methods/presets';
import { makePlan } from '../quant/plan';
import { planDefaults } from '../quantize';
import { makeFolder } from '../io/disk';
import { openSafetensors, writeSafetensors, type WritableTensor } from '../io/safetensors';
import { Progress } from '../report/progress';
import type { Params } from '../core/tree';
import type { DivergenceConfig } from '../train/divergence';
import { inputTensors, type Inputs } from '../models/model';
import type { Job } from '../methods/method';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** A bank and the divergence that is taken on it: the defaults', whatever a run trains with. */
export interface OpenBank { bank: Bank; divergence: DivergenceConfig; sha256: string }

/**
 * The bank in `path`; made and written there if there is none yet. Its layout is that of a SAM-SGA run with the preset's size, its adversary
 * has ascended against rounding at W2A8, and neither bits nor settings of a run change it.
 *
 * @throws ZsaqError 'mismatch' for a bank of another teacher or form, and what `makeBank` and the reader throw
 */
export async function openBank(path: string, job: Job, preset: string): Promise<OpenBank> {
  const teacher = fingerprint(job.teacher.params), { head } = job.teacher.model;
  const divergence: DivergenceConfig = head.kind === 'regression' ? { ...samSgaDefaults.divergence, logits: 'mse' } : samSgaDefaults.divergence;
  if (!existsSync(path)) {
    makeFolder(dirname(path)); // before the work, not after it
    const size = presetSize(preset, 2, job.form, job.teacher.model.maxLength), { batch, seq } = size, bar = new Progress('fixed bank', bankDefaults.ascents);
    try {
      const bank = await makeBank({ ...job, plan: makePlan(job.teacher.model, planDefaults(2, 8, false)) }, { ...samSgaDefaults, divergence, batch, seq }, bankDefaults, (done) => bar.update(done));
      try {
        writeSafetensors(path, stored(bank), { format: 'zsaq-bank', teacher, form: job.form, preset, settings: JSON.stringify(bankDefaults) });
      } finally {
        disposeBank(bank);
      }
    } finally {
      bar.end();
    }
  }
  const file = openSafetensors(path);
  try {
    const { metadata } = file;
    if (metadata.format !== 'zsaq-bank') throw new ZsaqError('format', `${path} is no bank: give a file that --bank has made, or a name that is free`);
    if (metadata.teacher !== teacher || metadata.form !== job.form || metadata.preset !== preset) {
      throw new ZsaqError('mismatch', `${path} is the bank of another model, task form or preset (${metadata.form}, ${metadata.preset}): give another name`);
    }
    const hash = createHash('sha256'), parts = Object.fromEntries(BANK_PARTS.map((p) => [p, []])) as unknown as Record<BankPart, Inputs[]>;
    for (const name of [...file.names].sort()) {
      const [part, index, field] = name.split('/'), { dtype, shape, data } = file.read(name);
      hash.update(name).update(data);
      const inputs = (parts[part as BankPart][Number(index)] ??= {}) as Record<string, Tensor>;
      inputs[field] = tf.tensor(data, shape, dtype as 'int32' | 'float32');
    }
    return { bank: parts, divergence, sha256: hash.digest('hex') };
  } finally {
    file.close();
  }
}

function stored(bank: Bank): [string, WritableTensor][] {
  return BANK_PARTS.flatMap((part) => bank[part].flatMap((inputs, i) => Object.entries(inputTensors(inputs)).map(([field, x]): [string, WritableTensor] => [
    `${part}/${i}/${field}`, { dtype: x.dtype === 'int32' ? 'I32' : 'F32', shape: x.shape, data: x.dataSync() as Float32Array },
  ])));
}

/** SHA-256 over all weights. */
function fingerprint(params: Params): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(params).sort()) hash.update(name).update(params[name].dataSync() as Float32Array);
  return hash.digest('hex');
}
