/** How one bundled model is made. A recipe is data: everything that decides the weights is in it, in the code and in the seed. */
export interface Recipe {
  readonly name: 'pocket-bert' | 'pocket-opt' | 'pocket-generator';
  /** The set it is trained on, and how much of its train split is written out. */
  readonly data: { readonly set: 'pocket-sentiment' | 'pocket-tales' | 'pocket-reports'; readonly amount: number };
  readonly config: Readonly<Record<string, unknown>>;
  readonly steps: number;
  /** Rows of a batch; of a language model each row is a window of `window` tokens. */
  readonly batch: number;
  readonly window: number;
  /** Peak of the learning rate; it rises over `warmup` of the steps and falls along half a cosine to `floor`. */
  readonly rate: number;
  readonly warmup: number;
  readonly floor: number;
  readonly weightDecay: number;
  /** Limit of the global gradient norm. */
  readonly clip: number;
  /** Standard deviation of the first weights. */
  readonly deviation: number;
}

const bertConfig = (vocabSize: number): Record<string, unknown> => ({
  architectures: ['BertForSequenceClassification'], model_type: 'bert', vocab_size: vocabSize, hidden_size: 128, num_hidden_layers: 4,
  num_attention_heads: 4, intermediate_size: 512, hidden_act: 'gelu', max_position_embeddings: 64, type_vocab_size: 2, layer_norm_eps: 1e-12,
  pad_token_id: 0, hidden_dropout_prob: 0, attention_probs_dropout_prob: 0, initializer_range: 0.02, tie_word_embeddings: true, dtype: 'float16',
  id2label: { 0: 'negative', 1: 'positive' }, label2id: { negative: 0, positive: 1 }, problem_type: 'single_label_classification',
});

const optConfig = (vocabSize: number, hidden: number, layers: number, ffn: number): Record<string, unknown> => ({
  architectures: ['OPTForCausalLM'], model_type: 'opt', vocab_size: vocabSize, hidden_size: hidden, num_hidden_layers: layers, num_attention_heads: 4,
  ffn_dim: ffn, word_embed_proj_dim: hidden, max_position_embeddings: 128, activation_function: 'relu', do_layer_norm_before: true,
  enable_bias: true, layer_norm_elementwise_affine: true, tie_word_embeddings: true, dropout: 0, attention_dropout: 0, layerdrop: 0,
  init_std: 0.02, bos_token_id: 2, eos_token_id: 3, pad_token_id: 0, _remove_final_layer_norm: false, dtype: 'float16',
});

/** The recipes of the bundled models. The classifier's and the language model's text was never shown to the generator. */
export function recipes(vocabSize: number): readonly Recipe[] {
  return [
    { name: 'pocket-bert', data: { set: 'pocket-sentiment', amount: 160_000 }, config: bertConfig(vocabSize), steps: 2500,
      batch: 64, window: 32, rate: 5e-4, warmup: 0.06, floor: 0.02, weightDecay: 0.01, clip: 1, deviation: 0.02 },
    { name: 'pocket-opt', data: { set: 'pocket-tales', amount: 6_000_000 }, config: optConfig(vocabSize, 128, 4, 512), steps: 2600,
      batch: 16, window: 128, rate: 2e-3, warmup: 0.04, floor: 0.02, weightDecay: 0.05, clip: 1, deviation: 0.02 },
    { name: 'pocket-generator', data: { set: 'pocket-reports', amount: 4_000_000 }, config: optConfig(vocabSize, 64, 2, 256), steps: 2000,
      batch: 16, window: 128, rate: 3e-3, warmup: 0.04, floor: 0.02, weightDecay: 0.05, clip: 1, deviation: 0.02 },
  ];
}
