import { ZsaqError } from '../core/error';
import type { Tokenizer } from '../text/tokenizer';

/** Architecture of a generator of about so many parameters with a vocabulary of 30,522, and how it is trained unless told. */
export interface Size {
  /** width of a word embedding: the small ones spend most parameters on the vocabulary, hence the projections (as in OPT-350m) */
  embedding: number;
  hidden: number;
  layers: number;
  ffn: number;
  heads: number;
  rate: number;
  steps: number;
}

export const SIZES: Readonly<Record<string, Size>> = {
  '0.3M': { embedding: 8, hidden: 64, layers: 2, ffn: 128, heads: 4, rate: 6e-3, steps: 1500 },
  '1M': { embedding: 20, hidden: 128, layers: 3, ffn: 256, heads: 4, rate: 4e-3, steps: 1500 },
  '3M': { embedding: 64, hidden: 192, layers: 3, ffn: 512, heads: 4, rate: 2e-3, steps: 1500 },
  '10M': { embedding: 256, hidden: 256, layers: 3, ffn: 1024, heads: 4, rate: 1e-3, steps: 2000 },
  '30M': { embedding: 352, hidden: 512, layers: 6, ffn: 2048, heads: 8, rate: 6e-4, steps: 4000 },
};

/** @throws ZsaqError 'usage' with the sizes that there are */
export function sizeOf(name: string): Size {
  if (!Object.hasOwn(SIZES, name)) throw new ZsaqError('usage', `--size ${name} is not known: choose ${Object.keys(SIZES).join(', ')}`);
  return SIZES[name];
}

/** `config.json` of an OPT decoder (pre-norm, tied embeddings) of a size for a tokenizer, with positions for `context` tokens. */
export function generatorConfig({ embedding, hidden, layers, ffn, heads }: Size, { vocabSize, special }: Pick<Tokenizer, 'vocabSize' | 'special'>, context: number): Record<string, unknown> {
  return {
    architectures: ['OPTForCausalLM'], model_type: 'opt', vocab_size: vocabSize, hidden_size: hidden, num_hidden_layers: layers, num_attention_heads: heads,
    ffn_dim: ffn, word_embed_proj_dim: embedding, max_position_embeddings: context, activation_function: 'relu', do_layer_norm_before: true,
    enable_bias: true, layer_norm_elementwise_affine: true, tie_word_embeddings: true, dropout: 0, attention_dropout: 0, layerdrop: 0, init_std: 0.02,
    bos_token_id: special.bos ?? special.cls ?? 0, eos_token_id: special.eos ?? special.sep ?? 0, pad_token_id: special.pad ?? 0, _remove_final_layer_norm: false, dtype: 'float16',
  };
}
