import { ZsaqError } from '../core/error';
import { bert } from './bert';
import { opt } from './opt';
import { integer, type Config } from './config';
import type { Model } from './model';

const families: Record<string, (config: Config) => Model> = {
  bert: (config) => bert(config, bertHead(config)),
  opt,
};

/** The model that a `config.json` describes. @throws ZsaqError on an architecture that is not known, with the list of known ones */
export function modelFromConfig(config: Config): Model {
  const type = config.model_type;
  if (typeof type !== 'string' || !Object.hasOwn(families, type)) {
    throw new ZsaqError('unsupported', `config.json: model_type ${JSON.stringify(type)} is not known: ${Object.keys(families).join(', ')} are`);
  }
  return families[type](config);
}

/** BERT's head from the class that saved the folder. */
function bertHead(config: Config): 'classification' | 'regression' | 'none' {
  const [name] = Array.isArray(config.architectures) ? config.architectures as unknown[] : [];
  if (name === undefined || name === 'BertModel') return 'none';
  if (name !== 'BertForSequenceClassification') {
    throw new ZsaqError('unsupported', `config.json: architecture ${JSON.stringify(name)} is not known: BertForSequenceClassification, BertModel are`);
  }
  const count = config.id2label ? Object.keys(config.id2label as object).length : integer(config, 'num_labels', 2);
  return config.problem_type === 'regression' || count === 1 ? 'regression' : 'classification';
}

/**
 * The canonical name of a stored tensor: weights are found with and without the model's prefix, and under the older
 * LayerNorm names `gamma` and `beta`.
 */
export function canonicalName(model: Model, stored: string): string {
  const name = stored.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias');
  if (name in model.shapes) return name;
  for (const prefix of ['bert.', 'model.', 'model.decoder.']) if (prefix + name in model.shapes) return prefix + name;
  return name;
}
