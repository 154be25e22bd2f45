import { ZsaqError } from '../../core/error';
import { encoderDescription } from '../../models/registry';
import { gpt2Graph, optGraph } from './decoder';
import { encoderGraph } from './encoder';
import { OnnxNetwork, type OnnxForm } from './network';
import type { ExportSource } from '../source';

/**
 * A model as an ONNX file (opset 21 and `com.microsoft.MatMulNBits`), full precision or quantized.
 *
 * Inputs, int64: `input_ids`, `attention_mask`, `token_type_ids` where the model has segments; decoders also
 * `past_key_values.*`. Output: `logits` (of a bare encoder `last_hidden_state`); decoders also `present.*`.
 *
 * @throws ZsaqError 'unsupported' for what the format cannot hold
 */
export function onnxModel(source: ExportSource, form: OnnxForm): Uint8Array {
  const { model } = source, net = new OnnxNetwork(source, form), encoder = encoderDescription(model);
  if (encoder) encoderGraph(net, encoder, model.head);
  else if (model.family === 'opt') optGraph(net);
  else if (model.family === 'gpt2') gpt2Graph(net);
  else throw new ZsaqError('unsupported', `ONNX export does not know the family ${model.family}`);
  return net.graph.encode({ form: source.plan ? form : 'full precision', family: model.family });
}
