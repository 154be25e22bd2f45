// Transfer across tasks, training curves, students measured along a run, overhead, and the control of the claims at four times the steps.
import { barFigure, heatFigure, lineFigure, lossFigure, type Table } from '../../src/report';
import { METRIC_LABELS } from '../../src/index';
import { anyTask } from '../../datasets';
import { encoders, languageModels, sweepSetups, SWEEP_STEPS } from '../setups';
import { quantizeCell, type Preset, type QuantizeCell } from '../cells/cell';
import { average } from '../report/bootstrap';
import type { QuantizeResult } from '../cells/result';
import { counts, difference } from '../report/comparison';
import { caution, gapText, signed } from '../report/words';
import { ratiosOf, ratioText, stepTimes } from '../report/stepTimes';
import { rowOf, scoreRow, summarize, summaryText } from '../report/summary';
import { cellsAt, standsWith, transferSetups, variant } from './matrix';
import { sweepCell } from './sweeps';
import { quantizeResult, type Find, type Gap, type Spec, type View } from './spec';

const only = <T>(list: readonly T[], keep: (x: T) => boolean): T[] => list.filter(keep);

/** The first of the matrix's cells of a row and task: seed 0. */
const firstOf = (preset: Preset, setup: ReturnType<typeof encoders>[number], key: string): QuantizeCell => cellsAt(preset, setup, variant(preset, key), 'W2A8')[0];

const UNTRAINED = ['full', 'ptq'], TRANSFERRED = ['samSga', 'qatRandom'];

const transfer: Spec = {
  id: 'figure3', group: 'figure', title: 'Figure 3: zero-shot transfer across tasks',
  claim: 'The figure shows zero-shot transfer across tasks; what it finds is not published where we could read.',
  meaning: 'Transfer is real where a student trained with one task\'s teacher and generator, under another task\'s own head, is above rounding and above the best constant answer there, and near the student trained with that task.',
  cells: (preset) => transferSetups(preset).flatMap((s) => [...UNTRAINED, ...TRANSFERRED].map((key) => firstOf(preset, s, key))),
  absent: (preset) => (preset === 'paper' ? 'the fine-tuned BERTs of the hub share no encoder, which transfer needs: not run' : `preset ${preset} has one encoder task only: not run; \`zsaq reproduce figure3 --preset mini\` runs it`),
  view(find, preset) {
    const setups = transferSetups(preset);
    if (!setups.length) return { tables: [], figures: [], notes: [this.absent!(preset)], rows: [] };
    const found = TRANSFERRED.flatMap((key) => setups.map((from) => {
      const cell = firstOf(preset, from, key), r = quantizeResult(find, cell);
      return { key, title: variant(preset, key).title, from, cell, scores: setups.map((to) => (!r ? undefined : to.task === from.task ? r.score : r.transfer.find((t) => t.task === to.task)?.score ?? null)) };
    })), rows = found.map(({ title, from, scores }) => [title, from.task, ...scores.map((s) => (s === undefined ? 'not run' : s))]);
    const strong = setups.filter((s) => counts(find, preset, s, variant(preset, 'full'))), moved = found.flatMap(({ key, from, scores }) => setups.flatMap((to, i) => {
      const score = scores[i], rounded = quantizeResult(find, firstOf(preset, to, 'ptq'))?.score;
      return to === from || typeof score !== 'number' || typeof rounded !== 'number' ? [] : [{ key, name: `${from.task} to ${to.task}`, to, value: score - rounded }];
    }));
    const notes = TRANSFERRED.flatMap((key) => {
      const over = moved.filter((m) => m.key === key && strong.includes(m.to)).map(({ value }) => value), mean = average(over);
      return over.length ? [`${variant(preset, key).title}: away from the task of its teacher ${Math.abs(mean).toFixed(2)} ${mean < 0 ? 'below' : 'above'} rounding, the mean of ${over.length} of ${strong.length * (setups.length - 1)} transfers to tasks that count (from ${Math.min(...over).toFixed(2)} to ${Math.max(...over).toFixed(2)}).`] : [];
    });
    const bars = moved.filter(({ key }) => key === 'samSga').map(({ name, value }) => ({ name, value }));
    const figures = bars.length ? [{ name: 'figure3', figure: barFigure({ title: 'SAM-SGA trained with one task, scored on another', y: { title: 'accuracy above that of rounding' }, bars, alike: true }) }] : [];
    // one encoder for every task: rounded or not, it is the same whichever teacher it comes from
    const untrained = UNTRAINED.map((key) => [variant(preset, key).title, 'any', ...setups.map((s) => quantizeResult(find, firstOf(preset, s, key))?.score ?? 'not run')]);
    const constant = ['best constant answer', 'none', ...setups.map((s) => quantizeResult(find, firstOf(preset, s, 'full'))?.majority ?? 'not run')];
    const weak = setups.filter((s) => !counts(find, preset, s, variant(preset, 'full'))).map(({ task }) => task);
    const table: Table = {
      title: 'Trained with the teacher and generator of one task, scored on others under their own heads', columns: [{ name: 'method' }, { name: 'trained with' }, ...setups.map((s) => ({ name: `scored on ${s.task}`, digits: 2 }))], rows: [...untrained, constant, ...rows],
      note: `accuracy; W2A8, seed 0, preset ${preset}; the teachers share one full-precision encoder${weak.length ? `; the teacher of ${weak.join(' and ')} is less than 10 above the best constant answer, and takes part in no claim` : ''}`,
    };
    const numbers = found.flatMap(({ title, from, cell, scores }) => scores.map((s, i) => ({ ...scoreRow(cell, title, setups[i].task, { mean: s ?? null, spread: null, seeds: s === undefined ? [] : [0] }), at: { 'trained with': from.task } })));
    return { tables: [table], figures, notes, rows: [...UNTRAINED.flatMap((key) => setups.map((s) => rowOf(find, variant(preset, key).title, s.task, [firstOf(preset, s, key)]))), ...numbers] };
  },
};

const LANDSCAPES = ['adversarial', 'samSga'] as const;

const landscapeCell = (preset: Preset, key: typeof LANDSCAPES[number]): QuantizeCell => {
  const [setup] = sweepSetups(preset);
  return quantizeCell({ preset, ...setup, method: key, bits: 'W2A8', set: [...setup.set, `steps=${SWEEP_STEPS[preset]}`], landscape: setup.generator });
};

const landscapes: Spec = {
  id: 'figure4', group: 'figure', title: 'Figure 4: loss landscape with and without SAM',
  claim: 'SAM encourages a flatter loss, which is said to generalize better; the figure shows the landscape with and without SAM, numbers are not published where we could read.',
  meaning: 'The claim holds here if the loss rises less around the student trained with SAM, at the same distance in the same directions.',
  cells: (preset) => LANDSCAPES.map((key) => landscapeCell(preset, key)),
  view(find, preset): View {
    const found = LANDSCAPES.flatMap((key) => { const r = quantizeResult(find, landscapeCell(preset, key)); return r?.landscape ? [{ key, title: variant(preset, key).title, score: r.score, ...r.landscape }] : []; });
    if (!found.length) return { tables: [], figures: [], notes: ['not run'], rows: [] };
    const middle = (loss: readonly (readonly number[])[]): readonly number[] => loss[loss.length >> 1], centre = (loss: readonly (readonly number[])[]): number => middle(loss)[loss.length >> 1];
    const edge = (loss: readonly (readonly number[])[]): number => average([loss[0], loss[loss.length - 1], loss.map((row) => row[0]), loss.map((row) => row[row.length - 1])].flat());
    const table: Table = {
      title: 'Loss at the student and around it', columns: [{ name: 'method' }, { name: 'score', digits: 2 }, { name: 'loss', digits: 3 }, { name: 'at the edge', digits: 3 }, { name: 'rise', digits: 2 }],
      rows: found.map(({ title, score, loss }) => [title, score, centre(loss), edge(loss), edge(loss) / centre(loss)]),
      note: `divergence on the fixed bank over a plane of two random directions with the norm of each row of the quantized weights; edge: mean over the border, at ${found[0].a[found[0].a.length - 1]} of that norm; W2A8, ${SWEEP_STEPS[preset]} steps, seed 0, preset ${preset}`,
    };
    const line = lineFigure({ title: 'Loss along a random direction', x: { title: 'share of the norm of each row' }, y: { title: 'divergence', log: true }, lines: found.map(({ title, a, loss }) => ({ name: title, x: a, y: middle(loss), markers: true })) });
    const maps = found.map(({ key, title, a, b, loss }) => ({ name: `figure4-${key}`, figure: heatFigure({ title: `Loss around the student: ${title}`, x: { title: 'first direction', at: a }, y: { title: 'second direction', at: b }, z: loss.map((row) => row.map((v) => Math.log10(v))), value: 'log10 D' }) }));
    const rise = ({ loss }: typeof found[number]): number => edge(loss) / centre(loss), [plain, sam] = LANDSCAPES.map((key) => found.find((f) => f.key === key));
    const notes = plain && sam ? [`The loss rises ${rise(sam).toFixed(2)}-fold to the edge around the student trained with SAM and ${rise(plain).toFixed(2)}-fold around the other: ${rise(sam) < rise(plain) ? 'in these two runs it is flatter with SAM' : 'in these two runs it is not flatter with SAM'}. At the students themselves it is ${centre(sam.loss).toFixed(3)} and ${centre(plain.loss).toFixed(3)}, and they score ${sam.score?.toFixed(2)} and ${plain.score?.toFixed(2)}. A flatter loss is what SAM is for; a better score is what it is said to bring.`] : [];
    // chance: the run of the sweeps differs from the one here by nothing but where it ran
    const [setup] = sweepSetups(preset), own = quantizeResult(find, landscapeCell(preset, 'samSga')), twin = quantizeResult(find, sweepCell(preset, setup, 'samSga', []));
    if (own && twin?.score && own.device !== twin.device) notes.push(`One run each: with the same settings and seed SAM-SGA scored ${twin.score.toFixed(2)} on another processor (the sweep of beta has that run).`);
    const { task } = setup, rows = LANDSCAPES.map((key) => rowOf(find, variant(preset, key).title, task, [landscapeCell(preset, key)]));
    return { tables: [table], figures: [{ name: 'figure4', figure: line }, ...maps], notes, rows };
  },
};

const curves: Spec = {
  id: 'curves', group: 'figure', title: 'Training curves of both players',
  claim: 'The losses of generator and student converge; rate O(1/sqrt T) (`zsaq report convergence` has the measured slopes).',
  meaning: 'The student\'s divergence should fall and level off. The generator\'s is what it finds before each ascent, on a batch of its own: not what it has just raised, so that it lies about the student\'s.',
  cells: (preset) => sweepSetups(preset).map((s) => firstOf(preset, s, 'samSga')),
  view(find, preset) {
    const figures = sweepSetups(preset).flatMap((setup) => {
      const r = quantizeResult(find, firstOf(preset, setup, 'samSga'));
      return r ? [{ name: `curves-${setup.task}`, figure: lossFigure(r.history.map((p) => ({ step: p.step!, student: p.student!, generator: p.generator })), { title: `SAM-SGA on ${setup.task}, W2A8: divergence of student and generator` }) }] : [];
    });
    const tenth = <T>(list: readonly T[]): number => Math.max(1, Math.floor(list.length / 10)), mean = (points: QuantizeResult['history'], of: 'student' | 'generator'): number => average(points.flatMap((p) => p[of] ?? []));
    const notes = sweepSetups(preset).flatMap((setup) => {
      const history = quantizeResult(find, firstOf(preset, setup, 'samSga'))?.history;
      if (!history?.length) return [];
      const n = tenth(history), words = (['student', 'generator'] as const).map((of) => `${of} ${mean(history.slice(0, n), of).toPrecision(3)} to ${mean(history.slice(-n), of).toPrecision(3)}, ${mean(history.slice(-2 * n, -n), of).toPrecision(3)} a tenth before the end`);
      return [`${setup.task}, divergence over the first and over the last tenth of the run: ${words.join('; ')}.`];
    });
    return { tables: [], figures, notes: figures.length ? notes : ['not run'], rows: sweepSetups(preset).map((setup) => rowOf(find, variant(preset, 'samSga').title, setup.task, [firstOf(preset, setup, 'samSga')])) };
  },
};

/** Where a student is measured: after the first step it is what the layer-wise start has left, after the last it is the matrix's. */
const ALONG: Readonly<Record<Preset, number[]>> = { smoke: [1, 10, 20], mini: [1, 100, 200, 300, 450, 600], paper: [1, 1000, 2500, 5000, 10_000] };

const alongCells = (preset: Preset): QuantizeCell[] => [sweepSetups(preset)[0], languageModels(preset)[0]].map((setup) => (
  quantizeCell({ preset, ...setup, method: 'samSga', bits: 'W2A8', bank: setup.generator, along: ALONG[preset] })));

const along: Spec = {
  id: 'along', group: 'question', title: 'Along a run: nearer to the teacher, and on the task?',
  claim: 'Every zero-shot method assumes that a student nearer to its teacher on generated text is better on real text; the paper does not measure it.',
  meaning: 'It holds where the score improves as the divergence on the bank of held-out generated text falls. Where the score turns while the divergence goes on falling, more training on generated text does harm, and no zero-shot choice of settings sees it.',
  cells: alongCells,
  view(find, preset) {
    const found = alongCells(preset).flatMap((cell) => { const r = quantizeResult(find, cell); return r?.along ? [{ cell, task: cell.task, metric: METRIC_LABELS[anyTask(cell.task).metric], points: r.along }] : []; });
    const tables = found.map(({ task, metric, points }): Table => ({
      title: `SAM-SGA on ${task} while it trains`, columns: [{ name: 'after step', digits: 0 }, { name: 'divergence on the bank', digits: 4 }, { name: metric, digits: 2 }],
      rows: points.map(({ step, bank, score }) => [step, bank, score]), note: `W2A8, seed 0, preset ${preset}; the first row is what the layer-wise start has left`,
    }));
    const figures = found.map(({ task, metric, points }) => ({
      name: `along-${task}`,
      figure: lineFigure({ title: `SAM-SGA on ${task} while it trains, from step ${points[0].step} to ${points.at(-1)!.step}`, x: { title: 'divergence on the bank' }, y: { title: metric }, lines: [{ name: 'the student', x: points.map((p) => p.bank ?? NaN), y: points.map((p) => p.score ?? NaN), markers: true }] }),
    }));
    const notes = found.flatMap(({ task, metric, points }) => {
      const [first] = points, last = points[points.length - 1], better = metric === 'perplexity' ? -1 : 1;
      if (first.bank === null || last.bank === null || first.score === null || last.score === null) return [];
      const known = points.flatMap(({ step, bank, score }) => (bank === null || score === null ? [] : [{ step, bank, good: better * score }])), pairs = known.flatMap((a, i) => known.slice(i + 1).map((b) => (b.bank - a.bank) * (b.good - a.good) < 0)), together = pairs.filter(Boolean).length;
      return [`${task}: from step ${first.step} to ${last.step} the divergence on the bank goes from ${first.bank.toPrecision(3)} to ${last.bank.toPrecision(3)} and ${metric} from ${first.score.toFixed(2)} to ${last.score.toFixed(2)}. Of the ${pairs.length} pairs of points the one nearer to the teacher has the better score in ${together} (Kendall's tau ${signed((2 * together - pairs.length) / pairs.length)}): a description of one run, whose points follow from each other, and no test.`];
    });
    const numbers = found.flatMap(({ cell, task, points }) => points.map(({ step, score }) => ({ ...scoreRow(cell, variant(preset, 'samSga').title, task, { mean: score, spread: null, seeds: [0] }), at: { step } })));
    return { tables, figures, notes: found.length ? notes : ['not run'], rows: numbers };
  },
};

/** Cheaper forms of SAM-SGA, and of the method without SAM: what is changed. */
const CHEAPER: readonly ['samSga' | 'adversarial', string, string[]][] = [
  ['samSga', 'SAM at every 2nd step (LookSAM)', ['look.every=2']],
  ['samSga', 'SAM at every 5th step (LookSAM)', ['look.every=5']],
  ['samSga', 'upper half of the layers perturbed', ['perturbLayers=0.5']],
  ['samSga', 'two steps on a batch', ['stepsPerBatch=2']],
  ['samSga', 'one tape for both players', ['generator.pass=shared']],
  ['samSga', 'an ascent every 10 steps', ['generator.every=10']],
  ['samSga', 'SAM at every 5th step, an ascent every 10', ['look.every=5', 'generator.every=10']],
  ['samSga', 'upper half of the layers perturbed, an ascent every 10 steps', ['perturbLayers=0.5', 'generator.every=10']],
  ['adversarial', 'an ascent every 10 steps', ['generator.every=10']],
];
/** Rows of the matrix beside them; ZeroQuant's steps are of single layers and GPTQ has none, so that only their whole time compares. */
const BASES = ['zeroQuant', 'gptq', 'qatRandom', 'qatReal', 'llmQat', 'adversarial', 'samSga'];
export const STEPLESS: readonly string[] = ['zeroQuant', 'gptq'];

export function overheadRows(preset: Preset): { title: string; cells: QuantizeCell[] }[] {
  const [setup] = only(encoders(preset), ({ task }) => preset === 'smoke' || task === 'SST-2');
  return [
    ...BASES.filter((key) => standsWith(variant(preset, key), setup)).map((key) => ({ title: variant(preset, key).title, cells: cellsAt(preset, setup, variant(preset, key), 'W2A8') })),
    ...CHEAPER.map(([method, title, set]) => ({ title: `${variant(preset, method).title}, ${title}`, cells: [quantizeCell({ preset, ...setup, method, bits: 'W2A8', set: [...setup.set, ...set] })] })),
  ];
}

/** What a cheaper form may take of a step of QAT on random tokens, and lose of SAM-SGA's score, at most. */
const MOST_OF_A_STEP = 1.5, MOST_LOST = 0.3;

const overhead: Spec = {
  id: 'overhead', group: 'question', title: 'Open question 3: overhead and cheaper forms',
  claim: 'The paper says that SAM-SGA "would lead to more computation overheads" and leaves measuring and reducing them open.',
  meaning: 'A cheaper form is worth it if a step takes at most 1.5 times that of QAT on random tokens and no more than 0.3 of SAM-SGA\'s score is lost. One run on one task cannot tell 0.3: the interval says what it can tell.',
  cells: (preset) => overheadRows(preset).flatMap((r) => r.cells),
  view(find, preset): View {
    const rows = overheadRows(preset), times = stepTimes(preset), ours = rows.find(({ title }) => title === variant(preset, 'samSga').title)!.cells, [{ task }] = ours;
    const found = rows.map(({ title, cells }) => {
      const time = times?.rows.find((t) => t.title === title), gap = cells === ours ? undefined : difference(find, task, cells, ours);
      return { title, cells, ms: time?.ms ?? null, ratio: time ? ratiosOf(times!, time) : null, gap, result: cells.flatMap((c) => quantizeResult(find, c) ?? [])[0] };
    });
    const table: Table = {
      title: 'Cost of a step and what it costs in quality', columns: [{ name: 'method' }, { name: 'ms a step', digits: 0 }, { name: 'of QAT on random tokens' }, { name: 'whole run', unit: 'min', digits: 1 }, { name: 'peak', unit: 'MB', digits: 0 }, { name: 'score' }, { name: "score - SAM-SGA's" }],
      rows: found.map(({ title, cells, ms, ratio, gap, result }) => [title, ms, ratio && ratioText(ratio), result ? result.seconds / 60 : null, result ? result.peakBytes / 2 ** 20 : null, summaryText(summarize(find, cells)), gap ? gapText(gap) : null]),
      note: `${task}, W2A8, preset ${preset}; ${times ? `times of a step: medians and ranges of ${times.rows[0].all.length} turns of all methods in one run (\`npm run bench -- overhead\`), on ${times.device}, commit ${times.commit}; QAT on real data takes the step of QAT on random tokens` : 'no step has been timed at this preset'}; a whole run has its layer-wise start in it and ran beside other work: its minutes compare little; differences with the 95 % interval of a paired bootstrap over examples, and over seeds of what has several; ${caution(found.flatMap(({ gap }) => gap ?? []))}`,
    };
    const cheap = found.slice(-CHEAPER.length).flatMap(({ title, ratio, gap }) => (ratio && gap ? [{ title, ratio, gap }] : [])), within = cheap.filter(({ ratio }) => ratio.low <= MOST_OF_A_STEP), kept = within.filter(({ gap }) => gap.gain >= -MOST_LOST);
    const words = ({ title, ratio, gap }: typeof cheap[number]): string => `${title} (${ratioText(ratio)} times${ratio.high > MOST_OF_A_STEP ? ', not decided' : ''}, ${gapText(gap)})`;
    const notes = !cheap.length ? [times ? 'No cheaper form has been run yet.' : 'No step has been timed at this preset: `npm run bench -- overhead` times those of preset mini.'] : [`Of ${cheap.length} cheaper forms that have been run ${within.length || 'none'} took at most ${MOST_OF_A_STEP} times a step of QAT on random tokens in some turn, and ${kept.length || 'none'} of these ${kept.length === 1 ? 'has' : 'have'} lost at most ${MOST_LOST} in ${kept.length === 1 ? 'its' : 'their'} one run${kept.length ? `: ${kept.map(words).join('; ')}` : ''}.`];
    return { tables: [table], figures: [], notes, rows: found.map(({ title, cells, ratio }) => ({ ...rowOf(find, title, task, cells), ...(ratio ? { at: { 'of QAT on random tokens': ratio.median } } : {}) })) };
  },
};

/** Four times the steps of a full run. */
const LONG: Readonly<Record<Preset, number>> = { smoke: 80, mini: 2400, paper: 40_000 };

function controlRows(preset: Preset): { title: string; short: QuantizeCell[]; long: QuantizeCell[] }[] {
  const [setup] = only(encoders(preset), ({ task }) => preset === 'smoke' || task === 'SST-2');
  return ['samSga', 'qatRandom', 'adversarial'].map((key) => ({ title: variant(preset, key).title, short: [firstOf(preset, setup, key)], long: cellsAt(preset, setup, { ...variant(preset, key), seeds: [0] }, 'W2A8', LONG[preset]) }));
}

const control: Spec = {
  id: 'control', group: 'question', title: 'Control: four times the steps',
  claim: 'Number of iterations: not published where we could read.',
  meaning: 'A claim made at the shorter run stands if its sign is the same at the longer one.',
  cells: (preset) => controlRows(preset).flatMap((r) => [...r.short, ...r.long]),
  view(find, preset) {
    const all = controlRows(preset), [ours] = all, [{ task }] = ours.short;
    const gap = (a: readonly QuantizeCell[], b: readonly QuantizeCell[]) => (a === b ? undefined : difference(find, task, a, b)), text = (of: Gap | undefined): string | null => (of ? gapText(of) : null);
    const rows = all.map(({ title, short, long }) => [title, summaryText(summarize(find, short)), summaryText(summarize(find, long)), text(gap(long, short)), text(gap(ours.short, short)), text(gap(ours.long, long))]);
    const table: Table = {
      title: `The same at four times the steps, ${task}`,
      columns: [{ name: 'method' }, { name: 'full run' }, { name: `${LONG[preset]} steps` }, { name: 'what they add' }, { name: 'SAM-SGA - it, full run' }, { name: `at ${LONG[preset]} steps` }], rows,
      note: `W2A8, seed 0, preset ${preset}; differences with the 95 % interval of a paired bootstrap over examples`,
    };
    const notes = all.slice(1).flatMap(({ title, short, long }) => {
      const [before, after] = [gap(ours.short, short), gap(ours.long, long)];
      return before && after ? [`SAM-SGA against ${title}: ${gapText(before)} in a full run, ${gapText(after)} at ${LONG[preset]} steps: the sign ${before.gain * after.gain > 0 ? 'stays' : 'does not stay'}.`] : [];
    });
    return { tables: [table], figures: [], notes, rows: all.flatMap(({ title, short, long }) => [rowOf(find, title, task, short), { ...rowOf(find, title, task, long), at: { steps: LONG[preset] } }]) };
  },
};

const multimodal: Spec = {
  id: 'multimodal', group: 'question', title: 'Open question 4: models of text and other data',
  claim: 'Open in the paper: CLIP, Flamingo and their like.', meaning: 'Not covered yet.',
  cells: () => [], absent: () => 'not covered yet: there are no models of other data than text here',
  view: () => ({ tables: [], figures: [], notes: ['not covered yet: there are no models of other data than text here'], rows: [] }),
};

export const STUDIES: readonly Spec[] = [transfer, landscapes, curves, along, overhead, control, multimodal];
