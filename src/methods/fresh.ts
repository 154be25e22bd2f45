import { tf } from '../core/backend';
import { modelFromConfig } from '../models/registry';
import type { Stream } from '../core/random';
import type { Network } from './method';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/**
 * An untrained generator for a model that brings none: OPT, 2 layers, hidden 128, with the teacher's vocabulary.
 * Weights N(0, 0.02), norms 1 and 0, as OPT is initialized. It has read no text at all; the ascent shapes it.
 */
export function freshGenerator(vocabSize: number, random: Stream): Network {
  const model = modelFromConfig({
    model_type: 'opt', hidden_size: 128, num_hidden_layers: 2, num_attention_heads: 4, ffn_dim: 256, vocab_size: vocabSize,
    max_position_embeddings: 512, word_embed_proj_dim: 128, do_layer_norm_before: true,
  });
  const params: Record<string, Tensor> = {};
  for (const [name, shape] of Object.entries(model.shapes)) {
    const isNorm = /layer_norm\.weight$/.test(name), isBias = name.endsWith('.bias');
    const n = shape.reduce((a, b) => a * b, 1);
    params[name] = tf.tensor(Float32Array.from({ length: n }, () => (isNorm ? 1 : isBias ? 0 : 0.02 * random.normal())), [...shape]);
  }
  return { model, params };
}
