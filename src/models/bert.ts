import { integer, layerCount, number, only, padToken, share, text, type Config } from './config';
import { encoder, type EncoderDescription, type EncoderLayer } from './encoder';
import type { Model } from './model';

/** Names of layer i under `prefix`, the same in BERT and RoBERTa. */
export function bertLayer(prefix: string, i: number): EncoderLayer {
  const l = `${prefix}.encoder.layer.${i}`, self = `${l}.attention.self`;
  return {
    prefix: `${l}.`, query: `${self}.query`, key: `${self}.key`, value: `${self}.value`, site: self,
    context: `${l}.attention.output.dense`, contextNorm: `${l}.attention.output.LayerNorm`,
    wide: `${l}.intermediate.dense`, narrow: `${l}.output.dense`, outputNorm: `${l}.output.LayerNorm`,
  };
}

/** Sizes as BERT's and RoBERTa's `config.json` name them. */
export function bertSizes(config: Config) {
  const hidden = share(config, 'hidden_dropout_prob', 0.1);
  only(config, 'is_decoder', false);
  only(config, 'position_embedding_type', 'absolute');
  return {
    hidden: integer(config, 'hidden_size'), layers: layerCount(config), heads: integer(config, 'num_attention_heads'),
    ffn: integer(config, 'intermediate_size'), vocabSize: integer(config, 'vocab_size'), types: integer(config, 'type_vocab_size', 2),
    positionRows: integer(config, 'max_position_embeddings'), epsilon: number(config, 'layer_norm_eps', 1e-12),
    act: text(config, 'hidden_act', 'gelu'), dropout: { hidden, attention: share(config, 'attention_probs_dropout_prob', 0.1), head: share(config, 'classifier_dropout', hidden) },
  };
}

/**
 * BERT (Devlin et al. 2019, arXiv 1810.04805). Classification and regression: logits = C tanh(P x[0]), with P the pooler;
 * masked language model: logits = E LN(gelu(W x)) + b, with E the word embeddings.
 */
export function bert(config: Config): Model { return encoder(config, bertDescription(config)); }

export function bertDescription(config: Config): EncoderDescription {
  const sizes = bertSizes(config), prediction = 'cls.predictions';
  return {
    family: 'bert', className: 'Bert', ...sizes, maxLength: sizes.positionRows, padId: padToken(config, 0),
    embeddings: 'bert.embeddings', layer: (i) => bertLayer('bert', i),
    sequence: { dense: 'bert.pooler.dense', out: 'classifier', act: 'tanh' },
    masked: {
      dense: `${prediction}.transform.dense`, norm: `${prediction}.transform.LayerNorm`, bias: `${prediction}.bias`, act: sizes.act,
    },
  };
}
