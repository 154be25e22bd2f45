import type { TaskSpec } from '../src/index';

/** One file of a data set as this project knows it. */
export interface DataFile {
  /** inside the data folder */
  path: string;
  /** the `TaskSpec` that reads it */
  task: TaskSpec['name'];
  split: string;
  /** absent where the project has never had the file: then it cannot be checked */
  bytes?: number;
  sha256?: string;
  /** examples or lines, the header not counted */
  rows: number;
  /** published number of words, one end of line a line included */
  words?: number;
  /** rows of the official set where this file is a sample of it */
  sampleOf?: number;
  licence: string;
  /** repository@commit:path of the copy that the hash is of */
  source: string;
  note?: string;
}

const LICENCES = {
  'SST-2': 'SST (Socher et al. 2013): no explicit licence, released for research',
  'CoLA': 'no licence stated by its authors (sentences from published linguistics); research',
  'MRPC': 'Microsoft Shared Source licence: non-commercial, research',
  'STS-B': 'CC BY-SA 4.0 for most of it, several sources (its own LICENSE.txt)',
  'RTE': 'RTE1/2/3/5 (PASCAL, NIST TAC): no explicit licence; research',
  'QNLI': 'CC BY-SA 4.0 (from SQuAD 1.1)',
  'QQP': 'Quora terms of service: non-commercial',
  'MNLI': 'OANC licence, CC BY 3.0 and others (MultiNLI paper, section 2); research and commercial use',
  'wikitext-2': 'CC BY-SA 3.0 (text of Wikipedia, also GFDL)',
  'ptb': 'Linguistic Data Consortium user agreement: not openly licensed',
};

const MERITY = 'Merity et al. 2016, the WikiText language modeling dataset';
const TOKENIZED = 'tokenized: words with <unk>', NO_HASH = 'not part of this project\'s data, so its hash is not known here';
const SAME_ARTICLES = 'the articles are those of WikiText-2, with fewer words replaced by <unk>';

/** The sets before rare words became `<unk>`; the project has had none of them. */
const RAW_FILES: readonly DataFile[] = (['wikitext-2-raw', 'wikitext-103-raw'] as const).flatMap((task) => (['train', 'valid', 'test'] as const).map((split) => ({
  path: `${task}/${split}.txt`, task, split, rows: { train: task === 'wikitext-2-raw' ? 36718 : 1801350, valid: 3760, test: 4358 }[split],
  licence: LICENCES['wikitext-2'], source: MERITY,
  note: `raw: no <unk>; ${NO_HASH}${task === 'wikitext-103-raw' && split !== 'train' ? '; the very text of WikiText-2' : ''}`,
})));

/** Every file, in the order of the tasks. */
export const DATA_FILES: readonly DataFile[] = [
  {
    path: 'glue/CoLA/train.tsv', task: 'CoLA', split: 'train', bytes: 428590, rows: 8551,
    sha256: '5d5b12531cf75ffe24afa0b14019da6dad82fa7b5639eab3f5716e86402ab592',
    licence: LICENCES.CoLA,
    source: 'amrnag/Specialized-Transformers@fa673a93a5c27cb1f5954ac2a8a49eec6fcba6b9:data/CoLA/train.tsv; amrnag/Specialized-Transformers@fa673a93a5c27cb1f5954ac2a8a49eec6fcba6b9:data/CoLA/val.tsv',
    note: 'train and val of the source joined',
  },
  {
    path: 'glue/CoLA/dev.tsv', task: 'CoLA', split: 'dev', bytes: 53718, rows: 1043,
    sha256: 'fc08f7ca16084543d9222d75eee13f094d738c3a20d874384417f1766197b716',
    licence: LICENCES.CoLA,
    source: 'amrnag/Specialized-Transformers@fa673a93a5c27cb1f5954ac2a8a49eec6fcba6b9:data/CoLA/dev.tsv',
  },
  {
    path: 'glue/SST-2/train_full.tsv', task: 'SST-2', split: 'train_full', bytes: 3806081, rows: 67349,
    sha256: '8621df47b79e9b3fa010405ef4dd506cbf483319cf851f20f2b6773f61d387b5',
    licence: LICENCES['SST-2'],
    source: 'forest-snow/alps@3c7ef2c98249fc975a897b27f275695f97d5b7a9:data/SST-2/train.tsv; forest-snow/alps@3c7ef2c98249fc975a897b27f275695f97d5b7a9:data/SST-2/dev.tsv',
    note: 'train and dev of the source joined',
  },
  {
    path: 'glue/SST-2/train.tsv', task: 'SST-2', split: 'train', bytes: 1137939, rows: 20000, sampleOf: 67349,
    sha256: '3c511eb7735e967d3ed09dd4efa3bec252661d05ba7f0f5b5df4e97cac0985f2',
    licence: LICENCES['SST-2'],
    source: 'forest-snow/alps@3c7ef2c98249fc975a897b27f275695f97d5b7a9:data/SST-2/train.tsv; forest-snow/alps@3c7ef2c98249fc975a897b27f275695f97d5b7a9:data/SST-2/dev.tsv',
    note: '20,000 rows drawn from train_full.tsv with Python\'s random.Random(42), order kept',
  },
  {
    path: 'glue/SST-2/dev.tsv', task: 'SST-2', split: 'dev', bytes: 94931, rows: 872,
    sha256: '54a9c12c77e402fc14d6a66a506f24d999f596b0176eb777c972cccc2f9cc4b0',
    licence: LICENCES['SST-2'],
    source: 'forest-snow/alps@3c7ef2c98249fc975a897b27f275695f97d5b7a9:data/SST-2/test.tsv',
  },
  {
    path: 'glue/MRPC/train.tsv', task: 'MRPC', split: 'train', bytes: 919454, rows: 3668,
    sha256: '7ca66df7a96900cb23102a34180d3af6c6a2bc326044cba85024acc2e980424e',
    licence: LICENCES.MRPC,
    source: 'wasiahmad/paraphrase_identification@88b208d0d094ab945d2401d9393531be1fec0076:dataset/msr-paraphrase-corpus/msr_paraphrase_train.txt; ju-resplande/PLUE@7603970b7aa43b91ce5f0841aa42e6770dd6369f:datasets/MRPC/dev.tsv (dev ids only)',
    note: 'the corpus\' training file without the 408 pairs of GLUE\'s dev set',
  },
  {
    path: 'glue/MRPC/dev.tsv', task: 'MRPC', split: 'dev', bytes: 103252, rows: 408,
    sha256: '54e210d9022bb2aae2b1af66d4e81a6aba540e767f1b18d96820356d752bf672',
    licence: LICENCES.MRPC,
    source: 'wasiahmad/paraphrase_identification@88b208d0d094ab945d2401d9393531be1fec0076:dataset/msr-paraphrase-corpus/msr_paraphrase_train.txt; ju-resplande/PLUE@7603970b7aa43b91ce5f0841aa42e6770dd6369f:datasets/MRPC/dev.tsv (dev ids only)',
    note: 'the 408 pairs of GLUE\'s dev set, by their ids',
  },
  {
    path: 'glue/MRPC/test_labelled.tsv', task: 'MRPC', split: 'test_labelled', bytes: 431153, rows: 1725,
    sha256: '0d1a876ed5b29dc9779ec212f0d7a1601caafbc5837cd1200e638f0b0a654562',
    licence: LICENCES.MRPC,
    source: 'wasiahmad/paraphrase_identification@88b208d0d094ab945d2401d9393531be1fec0076:dataset/msr-paraphrase-corpus/msr_paraphrase_test.txt',
    note: 'the corpus\' own test file, labels included',
  },
  {
    path: 'glue/STS-B/train.tsv', task: 'STS-B', split: 'train', bytes: 984099, rows: 5749,
    sha256: '41c4d978b6162abdcada7e49a982211954cca5459c228db478af333124b257a2',
    licence: LICENCES['STS-B'],
    source: 'korjak/sts-dev@5c830c7afb02a63218fe0e3ff85474c36d95d674:data/STS-B/train.tsv',
  },
  {
    path: 'glue/STS-B/dev.tsv', task: 'STS-B', split: 'dev', bytes: 276931, rows: 1500,
    sha256: '65f79065d85d2135210f502830b4413bb7f3136c2f078d3d19faa59ac69edac6',
    licence: LICENCES['STS-B'],
    source: 'korjak/sts-dev@5c830c7afb02a63218fe0e3ff85474c36d95d674:data/STS-B/dev.tsv',
  },
  {
    path: 'glue/QQP/train.tsv', task: 'QQP', split: 'train', bytes: 1423198, rows: 10117, sampleOf: 363846,
    sha256: '0f398f434a2d479c2bfcc4ca4300b7f7ccd600daa39424e6d4a897c86a011ca1',
    licence: LICENCES.QQP,
    source: 'sokx2y/Sparse-ZOO@4b4b916c404c2a747d904c7011e274ef6fd639a6:data/k-shot-1k-test/QQP/{512,16}-{13,21,42,87,100}/{train,dev}.tsv',
    note: 'class-balanced few-shot draws of several seeds, joined without duplicates',
  },
  {
    path: 'glue/QQP/dev.tsv', task: 'QQP', split: 'dev', bytes: 145067, rows: 1000, sampleOf: 40430,
    sha256: '1f3150a49a5251df2e8c05fad511d4e5260ed6feea19b78113c888ea924bc755',
    licence: LICENCES.QQP,
    source: 'sokx2y/Sparse-ZOO@4b4b916c404c2a747d904c7011e274ef6fd639a6:data/k-shot-1k-test/QQP/512-42/test.tsv',
    note: '1,000 rows of the official dev set',
  },
  {
    path: 'glue/MNLI/train.tsv', task: 'MNLI', split: 'train', bytes: 3432069, rows: 15130, sampleOf: 392702,
    sha256: 'f91df74a247e344e9a36037e350642dd49b2a08a4d57bbb6560fdb1075a5f31e',
    licence: LICENCES.MNLI,
    source: 'sokx2y/Sparse-ZOO@4b4b916c404c2a747d904c7011e274ef6fd639a6:data/k-shot-1k-test/MNLI/{512,16}-{13,21,42,87,100}/{train,dev_matched}.tsv',
    note: 'class-balanced few-shot draws of several seeds, joined without duplicates; the four parse columns are empty',
  },
  {
    path: 'glue/MNLI/dev_matched.tsv', task: 'MNLI', split: 'dev', bytes: 1044518, rows: 1000, sampleOf: 9815,
    sha256: 'a69ff62f3121f198daefd04ecfc201e36ddc93f79ed9dfd495df8f6553f56f8c',
    licence: LICENCES.MNLI,
    source: 'sokx2y/Sparse-ZOO@4b4b916c404c2a747d904c7011e274ef6fd639a6:data/k-shot-1k-test/MNLI/512-42/test_matched.tsv',
    note: '1,000 rows of the official dev set',
  },
  {
    path: 'glue/MNLI/dev_mismatched.tsv', task: 'MNLI-mm', split: 'dev', bytes: 1088206, rows: 1000, sampleOf: 9832,
    sha256: 'ae818e54f546e84e33be479e34cf04ca2fa6474a17492e9d9d567e53f71edcb4',
    licence: LICENCES.MNLI,
    source: 'sokx2y/Sparse-ZOO@4b4b916c404c2a747d904c7011e274ef6fd639a6:data/k-shot-1k-test/MNLI/512-42/test_mismatched.tsv',
    note: '1,000 rows of the official dev set',
  },
  {
    path: 'glue/QNLI/train.tsv', task: 'QNLI', split: 'train', bytes: 2412562, rows: 9833, sampleOf: 104743,
    sha256: 'e6ff0815c785a19d028d8a8e10a13510f015f124b1eca8e1b334329b5aa7df5c',
    licence: LICENCES.QNLI,
    source: 'sokx2y/Sparse-ZOO@4b4b916c404c2a747d904c7011e274ef6fd639a6:data/k-shot-1k-test/QNLI/{512,16}-{13,21,42,87,100}/{train,dev}.tsv',
    note: 'class-balanced few-shot draws of several seeds, joined without duplicates',
  },
  {
    path: 'glue/QNLI/dev.tsv', task: 'QNLI', split: 'dev', bytes: 1367333, rows: 5463,
    sha256: '763e95932dd3578251de71582e06829015f9c3815a518c751dc537219b159de4',
    licence: LICENCES.QNLI,
    source: 'jonny-vr/LLMCBench@720be179c2492271f61d7a09291ffd003f36f47d:data/QNLI/dev.tsv',
  },
  {
    path: 'glue/RTE/train.tsv', task: 'RTE', split: 'train', bytes: 846227, rows: 2490,
    sha256: '81d25e323e1ab5b2ad7cd445f1a69db89f2b1c104f3e26915a9421aa4a5f4735',
    licence: LICENCES.RTE,
    source: 'marcwww/nlu_eval@ccd55c37de74ebd86c70ae58f67dceb0aa444f43:data/RTE/train.tsv',
  },
  {
    path: 'glue/RTE/dev.tsv', task: 'RTE', split: 'dev', bytes: 90343, rows: 277,
    sha256: '80230dfa1347282e7b532b06a1004a76a710087541189bf874223ddf0e3819fb',
    licence: LICENCES.RTE,
    source: 'marcwww/nlu_eval@ccd55c37de74ebd86c70ae58f67dceb0aa444f43:data/RTE/dev.tsv',
  },
  {
    path: 'wikitext-2/train.txt', task: 'wikitext-2', split: 'train', bytes: 10797148, rows: 36718, words: 2_088_628,
    sha256: '9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f',
    licence: LICENCES['wikitext-2'],
    source: 'nodiff-229/deeplearning_hw2@76b135200f866feaee5d2920fac7c6f607b929c5:data/wikitext2.zip!wikitext2/train.txt',
    note: TOKENIZED,
  },
  {
    path: 'wikitext-2/valid.txt', task: 'wikitext-2', split: 'valid', bytes: 1121681, rows: 3760, words: 217_646,
    sha256: 'f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8',
    licence: LICENCES['wikitext-2'],
    source: 'pytorch/examples@77f55b912142e11fcfdf5b530231fb9c52f181e8:word_language_model/data/wikitext-2/valid.txt',
    note: TOKENIZED,
  },
  {
    path: 'wikitext-2/test.txt', task: 'wikitext-2', split: 'test', bytes: 1256449, rows: 4358, words: 245_569,
    sha256: 'd790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0',
    licence: LICENCES['wikitext-2'],
    source: 'pytorch/examples@77f55b912142e11fcfdf5b530231fb9c52f181e8:word_language_model/data/wikitext-2/test.txt',
    note: TOKENIZED,
  },
  {
    path: 'wikitext-103/train.txt', task: 'wikitext-103', split: 'train', rows: 1801350, words: 103_227_021,
    licence: LICENCES['wikitext-2'],
    source: MERITY,
    note: `${TOKENIZED}; ${NO_HASH}`,
  },
  {
    path: 'wikitext-103/valid.txt', task: 'wikitext-103', split: 'valid', rows: 3760, words: 217_646,
    licence: LICENCES['wikitext-2'],
    source: MERITY,
    note: `${TOKENIZED}; ${NO_HASH}; ${SAME_ARTICLES}`,
  },
  {
    path: 'wikitext-103/test.txt', task: 'wikitext-103', split: 'test', rows: 4358, words: 245_569,
    licence: LICENCES['wikitext-2'],
    source: MERITY,
    note: `${TOKENIZED}; ${NO_HASH}; ${SAME_ARTICLES}`,
  },
  ...RAW_FILES,
  {
    path: 'ptb/train.txt', task: 'ptb', split: 'train', bytes: 5101618, rows: 42068, words: 929_589,
    sha256: 'fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf',
    licence: LICENCES.ptb,
    source: 'timbmg/RNNLM@e26dff5d8f4b5d07ee459f192ee2131923d7584f:data/ptb.zip!ptb.train.txt',
    note: 'Mikolov\'s preprocessing: words with <unk>',
  },
  {
    path: 'ptb/valid.txt', task: 'ptb', split: 'valid', bytes: 399782, rows: 3370, words: 73_760,
    sha256: 'c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2',
    licence: LICENCES.ptb,
    source: 'timbmg/RNNLM@e26dff5d8f4b5d07ee459f192ee2131923d7584f:data/ptb.zip!ptb.valid.txt',
    note: 'Mikolov\'s preprocessing: words with <unk>',
  },
  {
    path: 'ptb/test.txt', task: 'ptb', split: 'test', bytes: 449945, rows: 3761, words: 82_430,
    sha256: 'dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0',
    licence: LICENCES.ptb,
    source: 'timbmg/RNNLM@e26dff5d8f4b5d07ee459f192ee2131923d7584f:data/ptb.zip!ptb.test.txt',
    note: 'Mikolov\'s preprocessing: words with <unk>',
  },
];

/** What anyone must know who reads scores on both WikiTexts. */
export const SAME_TEXT = 'The validation and test text of WikiText-103 is that of WikiText-2, with fewer words replaced by <unk> (the raw files are equal): a score on both is no second confirmation.';

/** The files of one task. */
export function filesOf(task: string): DataFile[] { return DATA_FILES.filter((f) => f.task === task); }
