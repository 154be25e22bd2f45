import type { Agreement, ExportFormat, Sizes } from './manifest';

/** What a model card tells, all of it from files: texts of any origin, escaped where they go in. */
export interface CardFacts {
  /** name of the base model */
  base: string;
  licence: string;
  method: string;
  bits: string;
  seed: number | null;
  trainedOn: readonly string[];
  plan: readonly string[];
  /** scores with the file that they are from */
  metrics?: { task: string; metric: string; quantized: number; fullPrecision: number; examples: number; file: string };
  head: string;
  /** whether the model tells segments apart */
  segments: boolean;
}

/** Text in Markdown that stays text. */
function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim().replace(/[\\`*_{}[\]()<>|#~$!]/g, '\\$&').replace(/&/g, '&amp;');
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MB`;

/** The `README.md` of an export: what it is, of what, how good, how large, how close to the model that was trained, how to load it. */
export function modelCard(format: ExportFormat, facts: CardFacts, sizes: Sizes, agreement: Agreement, model: string): string {
  const { base, licence, method, bits, seed, trainedOn, metrics } = facts, unknown = licence === 'unknown';
  // YAML reads JSON texts
  const head = ['---', `license: ${JSON.stringify(unknown ? 'other' : licence)}`, `base_model: ${JSON.stringify(base)}`, `tags: ${JSON.stringify(['zsaq', 'quantized', bits, format])}`, '---'];
  const rows: [string, string][] = [
    ['Base model', plain(base)], ['Method', plain(method)], ['Bits', plain(bits)], ['Seed', seed === null ? 'none' : String(seed)],
    ['Licence of the base model', unknown ? 'not known to zsaq: look at the base model before you pass this on' : plain(licence)],
    ['Training text of the base model', trainedOn.length ? trainedOn.map(plain).join(', ') : 'not recorded'],
    ['Weights', `${megabytes(sizes.weights)} on disk; ${megabytes(sizes.theory)} by the sum of the parts, ${sizes.bitsPerParameter.toFixed(2)} bits a parameter, scales, embeddings and heads included`],
    ['Linear layers', `${megabytes(sizes.linear)}, ${(sizes.linearFull / sizes.linear).toFixed(1)} times less than in 32 bits`],
    ['Agreement', closeness(agreement)],
  ];
  return [
    ...head, '', `# ${plain(base)}, ${plain(bits)}, ${format}`, '', 'Quantized without data by zsaq (zero-shot sharpness-aware quantization, arXiv 2310.13315).', '',
    '| | |', '|---|---|', ...rows.map(([name, text]) => `| ${name} | ${text} |`), '',
    ...(facts.plan.length ? ['## What is quantized', '', ...facts.plan.map((line) => `- ${plain(line)}`), ''] : []),
    '## Scores', '', ...(metrics ? [
      '| task | metric | quantized | full precision | examples |', '|---|---|---:|---:|---:|',
      `| ${plain(metrics.task)} | ${plain(metrics.metric)} | ${metrics.quantized.toFixed(2)} | ${metrics.fullPrecision.toFixed(2)} | ${metrics.examples} |`, '', `From [${plain(metrics.file)}](${encodeURI(metrics.file)}).`,
    ] : ['None was taken when the model was quantized.']), '',
    '## How to load it', '', ...loading(format, facts, model), '', '`zsaq verify DIR` loads the folder in every runtime that is there and compares its logits on the fixed inputs of `zsaq-reference.safetensors`.', '',
  ].join('\n');
}

function closeness({ tolerance, noise }: Agreement): string {
  const last = noise > 0 ? ` Rounding activations makes a difference in a last bit a whole step: such differences alone move our own logits by up to ${noise.toExponential(1)}.` : '';
  return `${tolerance === null ? 'The runtime rounds activations by a rule of its own: the logits are close, not equal.' : `Logits on the fixed inputs within ${tolerance.toExponential(1)} of ours.`}${last}`;
}

const fenced = (language: string, ...lines: string[]): string[] => [`\`\`\`${language}`, ...lines, '```'];

function loading(format: ExportFormat, { head, segments }: CardFacts, model: string): string[] {
  const causal = head === 'languageModel', auto = causal ? 'AutoModelForCausalLM' : head === 'maskedLanguageModel' ? 'AutoModelForMaskedLM' : head === 'none' ? 'AutoModel' : 'AutoModelForSequenceClassification';
  if (format === 'packed') return fenced('ts', "import { loadRunnable } from 'zsaq';", "const { model, params, hooks } = await loadRunnable('DIR');", 'const { logits } = model.forward(params, { ids }, hooks);');
  if (format === 'compressed-tensors') {
    return ['With `pip install torch transformers compressed-tensors==0.20.0` (transformers 5.23 alone does not read packed embeddings):', '', ...fenced(
      'python', 'import json', `from transformers import ${auto}, AutoConfig`, 'from compressed_tensors.compressors import ModelCompressor',
      'from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config', 'from safetensors.torch import load_file', '',
      'scheme = QuantizationConfig(**json.load(open("DIR/config.json"))["quantization_config"])', 'config = AutoConfig.from_pretrained("DIR")', 'del config.quantization_config',
      `model, compressor = ${auto}.from_config(config).eval(), ModelCompressor(quantization_config=scheme)`, 'apply_quantization_config(model, scheme)', 'compressor.compress_model(model)',
      'model.load_state_dict(load_file("DIR/model.safetensors"), strict=False)  # a tied head has no tensor of its own', 'compressor.decompress_model(model)', 'model.tie_weights()',
    )];
  }
  if (format === 'transformers-js') {
    const task = causal ? 'text-generation' : head === 'maskedLanguageModel' ? 'fill-mask' : head === 'none' ? 'feature-extraction' : 'text-classification';
    return [
      ...fenced('js', "import { env, pipeline } from '@huggingface/transformers';", "env.localModelPath = './';", `const run = await pipeline('${task}', 'DIR', { dtype: '${dtypeOf(model)}', device: 'wasm' });`), '',
      'Or in a browser: `python3 -m http.server` in this folder, then open the address that it prints: `index.html` is an example page.',
    ];
  }
  return fenced('python', 'import onnxruntime', `session = onnxruntime.InferenceSession("DIR/${model}")`, causal ? '# feed past_key_values.* of length 0 with the first tokens, and present.* with the following ones' : `answer, = session.run(["${head === 'none' ? 'last_hidden_state' : 'logits'}"], {"input_ids": ids, "attention_mask": mask${segments ? ', "token_type_ids": types' : ''}})`);
}

/** The name that transformers.js gives to the precision of a file `onnx/model_q4.onnx`. */
export function dtypeOf(model: string): string {
  return ({ model: 'fp32', model_quantized: 'q8', model_q4: 'q4', model_q2: 'q2' } as Record<string, string>)[/([^/]+)\.onnx$/.exec(model)?.[1] ?? ''] ?? 'fp32';
}
