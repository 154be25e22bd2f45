import { gpt2Sizes } from '../../models/gpt2';
import { EPSILON, OFFSET, optSizes } from '../../models/opt';
import { OnnxNetwork } from './network';

/** One call of a decoder: what `models/causal` shares. */
interface Call {
  ids: string;
  /** rows of the position table, `[batch, seq]` */
  positions: string;
  attend(i: number, q: string, k: string, v: string, scale?: number): string;
}

/**
 * Inputs, positions, causal attention with keys and values kept: `past_key_values.i.key|value` `[batch, heads, past, d]` in,
 * `present.i.key|value` out, as transformers.js feeds them. Positions count the real tokens.
 *
 * @param first row of the position table that the first token reads
 */
function decoderCall(net: OnnxNetwork, { heads, hidden, layers, first }: { heads: number; hidden: number; layers: number; first: number }): Call {
  const g = net.graph, d = hidden / heads;
  const ids = g.input('input_ids', 'int64', ['batch', 'seq']), mask = g.input('attention_mask', 'int64', ['batch', 'total']);
  const past = Array.from({ length: layers }, (_, i) => ['key', 'value'].map((part) => g.input(`past_key_values.${i}.${part}`, 'float32', ['batch', heads, 'past', d])));
  const before = net.size(past[0][0], 2), total = net.size(mask, 1);
  const counted = g.op('Add', [g.op('Mul', [g.op('CumSum', [mask, g.int(1)]), mask]), g.int(first - 1)]);
  const positions = g.op('Max', [g.op('Slice', [counted, g.op('Unsqueeze', [before, g.ints(0)]), g.op('Unsqueeze', [total, g.ints(0)]), g.ints(1)]), g.int(0)]);
  const keys = g.op('Range', [g.int(0), total, g.int(1)]), queries = g.op('Unsqueeze', [g.op('Range', [before, total, g.int(1)]), g.ints(1)]);
  const causal = net.hiding(g.op('LessOrEqual', [keys, queries])); // [seq, total]
  const hiding = g.op('Min', [causal, g.op('Unsqueeze', [net.hiding(mask), g.ints(1, 2)])]); // [batch, 1, seq, total]
  return {
    ids, positions,
    attend(i, q, k, v, scale) {
      const [key, value] = [k, v].map((x, part) => g.op('Concat', [past[i][part], net.splitHeads(x, heads, hidden)], { axis: 2 }));
      g.output(`present.${i}.key`, key, 'float32', ['batch', heads, 'total', d]);
      g.output(`present.${i}.value`, value, 'float32', ['batch', heads, 'total', d]);
      return net.attend(q, key, value, hiding, { heads, hidden, scale });
    },
  };
}

/** The graph of OPT: what `models/opt` computes, in the same order. */
export function optGraph(net: OnnxNetwork): void {
  const g = net.graph, s = optSizes(net.source.model.config), prefix = 'model.decoder', table = `${prefix}.embed_tokens.weight`;
  const call = decoderCall(net, { ...s, first: OFFSET }), projected = s.embeddingSize !== s.hidden;
  let words = net.embed(table, call.ids);
  if (projected) words = net.linear(`${prefix}.project_in`, net.at(`${prefix}.project_in`, words));
  let x = g.op('Add', [words, net.embed(`${prefix}.embed_positions.weight`, call.positions)]);
  const branch = (norm: string, input: string, f: (h: string) => string): string => s.preNorm
    ? g.op('Add', [input, f(net.layerNorm(norm, input, EPSILON))]) : net.layerNorm(norm, g.op('Add', [input, f(input)]), EPSILON);
  for (let i = 0; i < s.layers; i++) {
    const l = `${prefix}.layers.${i}`, out = `${l}.self_attn.out_proj`;
    x = branch(`${l}.self_attn_layer_norm`, x, (h) => {
      const input = net.at(`${l}.self_attn`, h), [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((part) => net.linear(`${l}.self_attn.${part}`, input));
      return net.linear(out, net.at(out, call.attend(i, q, k, v)));
    });
    x = branch(`${l}.final_layer_norm`, x, (h) => net.linear(`${l}.fc2`, net.at(`${l}.fc2`, net.activation(s.act, net.linear(`${l}.fc1`, net.at(`${l}.fc1`, h))))));
  }
  if (s.lastNorm) x = net.layerNorm(`${prefix}.final_layer_norm`, x, EPSILON);
  if (projected) x = net.linear(`${prefix}.project_out`, net.at(`${prefix}.project_out`, x));
  g.output('logits', s.tied ? net.tied(table, x) : net.linear('lm_head', x), 'float32', ['batch', 'seq', s.vocabSize]);
}

/** The graph of GPT-2: what `models/gpt2` computes, in the same order. */
export function gpt2Graph(net: OnnxNetwork): void {
  const g = net.graph, s = gpt2Sizes(net.source.model.config), table = 'transformer.wte.weight', call = decoderCall(net, { ...s, first: 0 });
  let x = g.op('Add', [net.embed(table, call.ids), net.embed('transformer.wpe.weight', call.positions)]);
  for (let i = 0; i < s.layers; i++) {
    const l = `transformer.h.${i}`, product = (name: string, input: string) => net.linear(`${l}.${name}`, net.at(`${l}.${name}`, input));
    const [q, k, v] = g.ops('Split', [product('attn.c_attn', net.layerNorm(`${l}.ln_1`, x, s.epsilon))], 3, { axis: -1, num_outputs: 3 });
    x = g.op('Add', [x, product('attn.c_proj', call.attend(i, q, k, v, s.scale(i)))]);
    x = g.op('Add', [x, product('mlp.c_proj', net.activation(s.act, product('mlp.c_fc', net.layerNorm(`${l}.ln_2`, x, s.epsilon))))]);
  }
  x = net.layerNorm('transformer.ln_f', x, s.epsilon);
  g.output('logits', s.tied ? net.tied(table, x) : net.linear('lm_head', x), 'float32', ['batch', 'seq', s.vocabSize]);
}
