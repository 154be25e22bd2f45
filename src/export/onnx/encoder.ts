import type { EncoderDescription } from '../../models/encoder';
import type { Head } from '../../models/model';
import { OnnxNetwork } from './network';

/** The graph of an encoder of BERT's family with its head: what `models/encoder` computes, in the same order. */
export function encoderGraph(net: OnnxNetwork, d: EncoderDescription, head: Head): void {
  const g = net.graph, { embeddings, hidden, heads, epsilon } = d, word = `${embeddings}.word_embeddings.weight`;
  const ids = g.input('input_ids', 'int64', ['batch', 'seq']), mask = g.input('attention_mask', 'int64', ['batch', 'seq']);
  let sum = net.embed(word, ids);
  if (d.types > 1) sum = g.op('Add', [sum, net.embed(`${embeddings}.token_type_embeddings.weight`, g.input('token_type_ids', 'int64', ['batch', 'seq']))]);
  else if (d.types) sum = g.op('Add', [sum, net.full(`${embeddings}.token_type_embeddings.weight`)]);
  sum = g.op('Add', [sum, net.embed(`${embeddings}.position_embeddings.weight`, positions(net, d, ids))]);
  let x = net.layerNorm(`${embeddings}.LayerNorm`, sum, epsilon);
  const bias = g.op('Unsqueeze', [net.hiding(mask), g.ints(1, 2)]); // [batch, 1, 1, seq]
  for (let i = 0; i < d.layers; i++) {
    const l = d.layer(i), input = net.at(l.site, x), [q, k, v] = [l.query, l.key, l.value].map((part) => net.linear(part, input));
    const context = net.attend(q, net.splitHeads(k, heads, hidden), net.splitHeads(v, heads, hidden), bias, { heads, hidden });
    const attended = net.layerNorm(l.contextNorm, g.op('Add', [net.linear(l.context, net.at(l.context, context)), x]), epsilon);
    const wide = net.activation(d.act, net.linear(l.wide, net.at(l.wide, attended)));
    x = net.layerNorm(l.outputNorm, g.op('Add', [net.linear(l.narrow, net.at(l.narrow, wide)), attended]), epsilon);
  }
  if (head.kind === 'none') return g.output('last_hidden_state', x, 'float32', ['batch', 'seq', hidden]);
  if (head.kind === 'maskedLanguageModel') {
    const { dense, norm, bias: last, act } = d.masked, states = net.layerNorm(norm, net.activation(act, net.linear(dense, x)), epsilon);
    return g.output('logits', net.tied(word, states, last), 'float32', ['batch', 'seq', d.vocabSize]);
  }
  const { dense, out, act } = d.sequence, first = g.op('Gather', [x, g.int(0)], { axis: 1 }); // [batch, hidden]
  const outputs = head.kind === 'classification' ? head.labels.length : 1;
  g.output('logits', net.linear(out, net.activation(act, net.linear(dense, first))), 'float32', ['batch', outputs]);
}

function positions(net: OnnxNetwork, d: EncoderDescription, ids: string): string {
  const g = net.graph;
  if (!d.countsTokens) return g.op('Unsqueeze', [g.op('Range', [g.int(0), net.size(ids, 1), g.int(1)]), g.ints(0)]);
  const real = g.op('Cast', [g.op('Not', [g.op('Equal', [ids, g.int(d.padId)])])], { to: 7 });
  return g.op('Add', [g.op('Mul', [g.op('CumSum', [real, g.int(1)]), real]), g.int(d.padId)]);
}
