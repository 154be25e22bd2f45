import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { gelu } from '../core/kernels';
import { bertLayer, bertSizes } from './bert';
import { padToken, type Config } from './config';
import { encoder } from './encoder';
import { range, type Model } from './model';

/**
 * RoBERTa (Liu et al. 2019, arXiv 1907.11692): BERT's encoder with positions that start behind the padding token's and
 * count real tokens only, one segment, and a head of its own: logits = C tanh(P x[0]) without a pooler.
 */
export function roberta(config: Config): Model {
  const sizes = bertSizes(config), padId = padToken(config, 1), maxLength = sizes.positionRows - padId - 1;
  if (maxLength < 1) throw new ZsaqError('format', `config.json: max_position_embeddings ${sizes.positionRows} leaves no positions behind that of the padding token ${padId}`);
  return encoder(config, {
    family: 'roberta', className: 'Roberta', ...sizes, maxLength, padId,
    embeddings: 'roberta.embeddings', layer: (i) => bertLayer('roberta', i),
    sequence: { dense: 'classifier.dense', out: 'classifier.out_proj', act: (x) => tf.tanh(x) },
    masked: { dense: 'lm_head.dense', norm: 'lm_head.layer_norm', bias: 'lm_head.bias', act: gelu },
    positions({ ids, mask }, seq) {
      // as in transformers the ids say what is padding; embeddings cannot, so the mask does
      const real = ids ? tf.cast(tf.notEqual(ids, tf.scalar(padId, 'int32')), 'float32') : mask && tf.cast(mask, 'float32');
      if (!real) return tf.add(range(seq), tf.scalar(padId + 1, 'int32'));
      return tf.cast(tf.add(tf.mul(tf.cumsum(real, 1), real), padId), 'int32');
    },
  });
}
