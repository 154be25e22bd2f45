import { shown, ZsaqError } from '../core/error';
import { bert, bertDescription } from './bert';
import { distilbert, distilbertDescription } from './distilbert';
import { gpt2 } from './gpt2';
import { opt } from './opt';
import { roberta, robertaDescription } from './roberta';
import type { Config } from './config';
import type { EncoderDescription } from './encoder';
import type { Model } from './model';

const FAMILIES: Readonly<Record<string, (config: Config) => Model>> = { bert, opt, gpt2, roberta, distilbert };

/** What an encoder of BERT's family is, as plain data; undefined for a decoder. */
export function encoderDescription({ family, config }: Model): EncoderDescription | undefined {
  return ({ bert: bertDescription, roberta: robertaDescription, distilbert: distilbertDescription } as Record<string, (config: Config) => EncoderDescription>)[family]?.(config);
}

/** The model that a `config.json` describes. @throws ZsaqError on an architecture that is not known, with the list of known ones */
export function modelFromConfig(config: Config): Model {
  const type = config.model_type;
  if (typeof type !== 'string' || !Object.hasOwn(FAMILIES, type)) {
    throw new ZsaqError('unsupported', `config.json: model_type ${shown(type)} is not known: ${Object.keys(FAMILIES).join(', ')} are`);
  }
  return FAMILIES[type](config);
}

/** What a model with a head puts before the names of its body; files of a bare body leave it out. */
const PREFIXES = ['bert.', 'roberta.', 'distilbert.', 'transformer.', 'model.', 'model.decoder.'];

/**
 * The canonical name of a stored tensor: weights are found with and without the model's prefix, under the older
 * LayerNorm names `gamma` and `beta`, and the bias of a masked-language-model head under its second name.
 */
export function canonicalName(model: Model, stored: string): string {
  const name = stored.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias')
    .replace(/^(cls\.predictions|lm_head)\.decoder\.bias$/, '$1.bias');
  for (const prefix of ['', ...PREFIXES]) if (Object.hasOwn(model.shapes, prefix + name)) return prefix + name;
  return stored;
}
