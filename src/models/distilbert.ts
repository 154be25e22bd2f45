import { integer, layerCount, padToken, share, text, type Config } from './config';
import { encoder, type EncoderDescription } from './encoder';
import type { Model } from './model';

/** Fixed in the architecture: its `config.json` has no setting for it. */
const EPSILON = 1e-12;

/**
 * DistilBERT (Sanh et al. 2019, arXiv 1910.01108): BERT's encoder without segments and pooler;
 * logits = C relu(P x[0]).
 */
export function distilbert(config: Config): Model { return encoder(config, distilbertDescription(config)); }

export function distilbertDescription(config: Config): EncoderDescription {
  const positionRows = integer(config, 'max_position_embeddings', 512), act = text(config, 'activation', 'gelu');
  return {
    family: 'distilbert', className: 'DistilBert',
    hidden: integer(config, 'dim'), layers: layerCount(config, 'n_layers'), heads: integer(config, 'n_heads'), ffn: integer(config, 'hidden_dim'),
    vocabSize: integer(config, 'vocab_size'), types: 0, positionRows, maxLength: positionRows, padId: padToken(config, 0), epsilon: EPSILON, act,
    dropout: { hidden: share(config, 'dropout', 0.1), attention: share(config, 'attention_dropout', 0.1), head: share(config, 'seq_classif_dropout', 0.2) },
    embeddings: 'distilbert.embeddings',
    layer(i) {
      const l = `distilbert.transformer.layer.${i}`, a = `${l}.attention`;
      return {
        prefix: `${l}.`, query: `${a}.q_lin`, key: `${a}.k_lin`, value: `${a}.v_lin`, site: a, context: `${a}.out_lin`, contextNorm: `${l}.sa_layer_norm`,
        wide: `${l}.ffn.lin1`, narrow: `${l}.ffn.lin2`, outputNorm: `${l}.output_layer_norm`,
      };
    },
    sequence: { dense: 'pre_classifier', out: 'classifier', act: 'relu' },
    masked: { dense: 'vocab_transform', norm: 'vocab_layer_norm', bias: 'vocab_projector.bias', act },
  };
}
