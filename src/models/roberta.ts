import { ZsaqError } from '../core/error';
import { bertLayer, bertSizes } from './bert';
import { padToken, type Config } from './config';
import { encoder, type EncoderDescription } from './encoder';
import type { Model } from './model';

/**
 * RoBERTa (Liu et al. 2019, arXiv 1907.11692): BERT's encoder with positions that start behind the padding token's and
 * count real tokens only, one segment, and a head of its own: logits = C tanh(P x[0]) without a pooler.
 */
export function roberta(config: Config): Model { return encoder(config, robertaDescription(config)); }

export function robertaDescription(config: Config): EncoderDescription {
  const sizes = bertSizes(config), padId = padToken(config, 1), maxLength = sizes.positionRows - padId - 1;
  if (maxLength < 1) throw new ZsaqError('format', `config.json: max_position_embeddings ${sizes.positionRows} leaves no positions behind that of the padding token ${padId}`);
  return {
    family: 'roberta', className: 'Roberta', ...sizes, maxLength, padId,
    embeddings: 'roberta.embeddings', layer: (i) => bertLayer('roberta', i),
    sequence: { dense: 'classifier.dense', out: 'classifier.out_proj', act: 'tanh' },
    masked: { dense: 'lm_head.dense', norm: 'lm_head.layer_norm', bias: 'lm_head.bias', act: 'gelu' },
    countsTokens: true,
  };
}
