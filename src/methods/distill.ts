import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { peakBytes, tidy } from '../core/memory';
import { clone, dispose, fromHost, get, hostTensors, part, pick, prefixed } from '../core/tree';
import { adamInit, type AdamState } from '../optim/adam';
import { rateAt, type Schedule } from '../optim/schedule';
import { Guard, type GuardState } from '../train/guard';
import { failureIn, warningOf, type Warning } from '../train/monitor';
import { layerStart } from './layerStart';
import { NOTHING } from './layerwise';
import { isCancelled, type Cost, type Entry, type Job, type MethodId, type Progress, type Quantized, type Saved, type Status } from './method';
import { whereabouts } from './regularizers';
import { disposeInputs, type Batch, type Source } from './source';
import { affineOf, effective, makeStudent, quantizedNames, type Student } from './student';
import { readReport, type Answers, type Sharpness, type StepKind } from './studentStep';
import { makeTrainer, opponentOf, type Trainer } from './trainer';
import { HELD_STEPS, Watch } from './watch';
import type { Streams } from '../core/random';
import type { TrainConfig } from './config';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** Steps between two snapshots: what a roll-back or a resumed run goes back to. */
export const SNAPSHOT_STEPS = 20;

/** SAM over the steps of a run. */
export interface Sharpening extends Sharpness {
  /** share of beta over the steps */
  schedule: Schedule;
  /** the second pass takes place at every so many-th step (LookSAM) */
  every: number;
}

/** `orthogonal`: what LookSAM keeps of its last second pass, empty without. */
interface Snapshot { saved: Omit<Saved, 'tensors'>; held: Record<string, Tensor> }

interface State { step: number; trained: Record<string, Tensor>; adam: AdamState; orthogonal: Record<string, Tensor> }

/**
 * Trains a quantized student against the teacher on whatever `source` gives: the loop of every training method.
 * Each step: ascend (if the source has an adversary), draw a batch, one sharpness-aware gradient, AdamW, re-quantize. Cheaper forms
 * leave some of it out at some steps: the second pass (LookSAM), a new batch (`stepsPerBatch`), the adversary's own pass (`generator.pass`).
 * Checkpoints hold the last snapshot, so that a resumed run repeats exactly what an undisturbed one does.
 */
export async function distill(id: MethodId, job: Job, config: TrainConfig, sharpening: Sharpening | null, source: Source, streams: Streams): Promise<Quantized> {
  let student: Student | undefined, run: Run | undefined;
  try {
    student = makeStudent(job.teacher.model, job.teacher.params, job.plan, config.recompute);
    if (sharpening && !quantizedNames(student).length) throw new ZsaqError('mismatch', 'no weight that is trained is quantized, so SAM has nothing to perturb: set sam=off, or quantize a layer');
    run = new Run(id, job, config, sharpening, source, streams, student);
    run.resume();
    if (job.onFailure) await run.watchOver();
    await run.begin();
    return await run.finish(await run.loop());
  } finally {
    if (run) run.dispose();
    else student?.dispose(), source.dispose();
  }
}

class Run {
  private state: State;
  private snapshot!: Snapshot; // from `resume` on
  /** the one before, to which `onFailure: 'rollback'` goes back: the last one may already show the failure */
  private earlier?: Snapshot;
  private watch?: Watch;
  private warnings: Warning[] = [];
  private history: Entry[] = [];
  private readonly guard = new Guard();
  private readonly trainer: Trainer;
  private readonly phases: Record<string, number> = {};
  private readonly began = performance.now();
  private readonly identity: Record<string, string>;
  private written = performance.now();
  private secondsBefore = 0;
  /** tokens of the last batch */
  private tokens?: Int32Array;
  /** the layers have been distilled one by one, where that is asked for */
  private begun = false;
  /** of the layer-wise start, once it has told */
  private layers: Progress['layers'];
  /** the batch in use and the teacher's answers to it */
  private current?: { batch: Batch; answers: Answers };

  constructor(
    private readonly id: MethodId, private readonly job: Job, private readonly config: TrainConfig,
    private readonly sharpening: Sharpening | null, private readonly source: Source, private readonly streams: Streams,
    private readonly student: Student,
  ) {
    const { checkpointSeconds, ...settings } = config;
    this.identity = Object.fromEntries(Object.entries({ method: id, seed: job.seed, plan: job.plan.weights, ...settings }).map(([key, value]) => [key, JSON.stringify(value)]));
    this.trainer = makeTrainer(student, job.teacher, config, { divergence: config.divergence, radius: sharpening, clip: config.clip, precision: config.precision });
    const trained = clone(student.initial);
    this.state = { step: 0, trained, adam: adamInit(trained), orthogonal: {} };
  }

  /** Takes over the last checkpoint, if there is one. */
  resume(): void {
    const { job } = this, saved = job.checkpoints?.load();
    this.checkOwner(saved?.state.run as Record<string, string> | undefined);
    const tensors = saved ? fromHost(saved.tensors) : {}, earlier = part(tensors, 'earlier/');
    if (saved) this.restore(saved.state, saved.step, tensors);
    this.takeSnapshot();
    if (saved?.state.earlier && job.onFailure === 'rollback') this.earlier = { saved: saved.state.earlier as Snapshot['saved'], held: earlier };
    else dispose(earlier);
  }

  /** A checkpoint goes on in the run that wrote it, whose settings stand in it. */
  private checkOwner(of: Record<string, string> | undefined): void {
    const other = of && Object.keys(this.identity).find((key) => key in of && of[key] !== this.identity[key]); // a setting that came later is off in it
    if (other) throw new ZsaqError('mismatch', `the checkpoint is of another run, with another ${other}: give the settings of that run, or choose another place for this one's checkpoints`);
  }

  /** Layer by layer first, if the settings say so. A run that goes on has that behind it, or begins anew. */
  async begin(): Promise<void> {
    const { job, config, student, source } = this, { steps } = config;
    if (this.begun || !config.layerwise.steps) return;
    const found = await this.time('layers', () => layerStart(job, config, student, source, (report, layers) => {
      this.layers = layers;
      return job.onProgress?.({ method: this.id, step: 0, steps, layers, entry: { ...NOTHING, step: 0, ...report } });
    }));
    if (!found) return;
    const { trained } = this.state;
    dispose(pick(trained, Object.keys(found)));
    this.state.trained = { ...trained, ...found };
    this.begun = true;
    this.takeSnapshot();
    this.forgetEarlier(); // the rounded weights: a rollback must not undo this start
  }

  async loop(): Promise<Status> {
    while (this.state.step < this.config.steps) {
      if (isCancelled(this.job)) { this.write(); return 'cancelled'; }
      const entry = await this.step(), { tokens } = this;
      if (entry === null) {
        this.warn(warningOf('instability', this.state.step + 1, 'a loss or gradient is not finite'));
        const verdict = this.guard.trip();
        this.rollBack(this.snapshot);
        if (verdict === 'give up') { this.write(); return 'diverged'; }
        continue;
      }
      this.history.push(entry);
      await this.job.onProgress?.({ method: this.id, step: this.state.step, steps: this.config.steps, layers: this.layers && { done: this.layers.of, of: this.layers.of }, entry, tokens, plan: this.job.plan, weights: () => ({ ...clone(this.student.frozen), ...effective(this.student, this.state.trained) }) });
      const failure = this.watch && failureIn(this.history);
      if (failure) {
        this.warn(failure);
        const verdict = this.job.onFailure === 'rollback' ? this.guard.trip() : this.job.onFailure;
        if (this.job.onFailure === 'rollback') this.rollBack(this.earlier ?? this.snapshot);
        if (verdict === 'retry') continue;
        if (verdict !== 'warn') { this.write(); return 'stopped'; }
      }
      // a snapshot holds no batch: it is taken where the next step draws one
      const { step } = this.state;
      if (step >= this.snapshot.saved.step + SNAPSHOT_STEPS && step % this.config.stepsPerBatch === 0) this.takeSnapshot();
      if (performance.now() - this.written > 1000 * this.config.checkpointSeconds) this.write();
      await new Promise((next) => setImmediate(next)); // signals and the notebook get a turn
    }
    return 'ok';
  }

  /** From now on the run is watched for signatures of failure. */
  async watchOver(): Promise<void> { this.watch = await Watch.start(this.job, this.config, this.student); }

  /** Tells of a signature, the first time that it is seen. */
  private warn(warning: Warning): void {
    if (!this.watch || this.warnings.some(({ signature }) => signature === warning.signature)) return;
    this.warnings.push(warning);
    this.job.onWarning?.(warning);
  }

  /** One step; null if a loss or gradient was not finite, in which case nothing has been updated. */
  private async step(): Promise<Entry | null> {
    const { state, config, job } = this;
    const share = rateAt(config.schedule, state.step, config.steps) * this.guard.rateShare, kind = this.kindOf(state.step);
    let ascended = kind.ascends ? null : await this.time('generator', () => this.ascend(share));
    if (ascended !== null && !Number.isFinite(ascended)) return null;
    const { batch, answers } = kind.answers === 'given' ? this.current! : { batch: await this.time('source', () => this.source.next()), answers: {} };
    this.tokens = batch.tokens;
    const { grads, report, teacherLogits, ...more } = await this.time('student', () => this.gradients(kind, batch, answers));
    const classes = job.teacher.model.head.kind === 'classification' ? await classShares(teacherLogits) : null;
    const manifold = state.step % HELD_STEPS === 0 ? await this.time('watch', () => whereabouts(batch.inputs, get(job.teacher.params, job.teacher.model.wordEmbedding) as Tensor2D)) : null;
    this.keepBatch(kind, batch, more.answers);
    teacherLogits.dispose();
    const result = await readReport(report), sound = [result.loss, result.gradientNorm, result.sharpness ?? 0].every(Number.isFinite);
    if (more.inputGradient) {
      ascended = sound && await this.time('generator', () => this.source.follow!(more.inputGradient!, share)) ? result.loss : NaN;
      more.inputGradient.dispose();
    }
    if (!sound || Number.isNaN(ascended)) {
      dispose(grads, more.orthogonal);
      return null;
    }
    if (kind.look === 'keep') {
      dispose(state.orthogonal);
      state.orthogonal = more.orthogonal!;
    }
    const held = await this.time('watch', () => this.watch?.held(this.state.step, this.state.trained)) ?? null;
    await this.time('update', () => this.update(grads, share));
    return {
      step: this.state.step, student: result.loss, generator: ascended, sharpness: result.sharpness, relativeRadius: result.relativeRadius, codesMoved: result.codesMoved,
      gradientNorm: result.gradientNorm, classes, held, manifold, distinct: batch.tokens ? new Set(batch.tokens).size / batch.tokens.length : null,
    };
  }

  /** What the settings make of a step; the rhythms start at step 0. */
  private kindOf(step: number): StepKind {
    const { sharpening, config: { stepsPerBatch: uses } } = this, sharp = sharpening !== null && step % sharpening.every === 0;
    const looks = sharpening !== null && sharpening.every > 1 && (sharpening.reuse ?? 0) > 0;
    const used = step % uses, answers = used > 0 ? 'given' : uses > 1 ? 'keep' : 'ask';
    return { sharp, look: !looks ? 'none' : sharp ? 'keep' : 'reuse', answers, ascends: this.source.sharesPass?.(step) ?? false };
  }

  private gradients(kind: StepKind, batch: Batch, answers: Answers) {
    const { sharpening, config, trainer, state: { step, trained, orthogonal } } = this;
    const share = kind.sharp ? tf.scalar(rateAt(sharpening!.schedule, step, config.steps)) : undefined;
    try {
      return trainer.gradients(trained, batch.inputs, kind, { share, answers, orthogonal: kind.look === 'reuse' ? orthogonal : {} });
    } catch (e) {
      if (kind.answers !== 'given') disposeInputs(batch.inputs);
      throw e;
    } finally {
      share?.dispose();
    }
  }

  /** The batch waits for its next use, or is given back. */
  private keepBatch(kind: StepKind, batch: Batch, answers: Answers | undefined): void {
    const last = (this.state.step + 1) % this.config.stepsPerBatch === 0;
    if (kind.answers === 'keep') this.current = { batch, answers: answers! };
    else if (last && this.current) this.dropBatch();
    else if (kind.answers === 'ask') disposeInputs(batch.inputs);
  }

  private dropBatch(): void {
    if (!this.current) return;
    disposeInputs(this.current.batch.inputs);
    dispose(this.current.answers);
    this.current = undefined;
  }

  /** The adversary's turn, against the student's weights as they stand. */
  private async ascend(share: number): Promise<number | null> {
    const { student, job: { teacher }, config, state: { step, trained } } = this;
    return (await this.source.ascend?.(step, opponentOf(student, teacher, trained, this.source.divergence ?? config.divergence), share)) ?? null;
  }

  private update(grads: Record<string, Tensor>, share: number): void {
    const { state: { trained, adam, step, orthogonal } } = this, next = this.trainer.update(trained, grads, adam, share);
    dispose(grads, trained, adam.m, adam.v);
    this.state = { step: step + 1, ...next, orthogonal };
  }

  private takeSnapshot(): void {
    const { trained, adam, step, orthogonal } = this.state, source = this.source.save();
    if (this.job.onFailure === 'rollback') {
      if (this.earlier) dispose(this.earlier.held);
      this.earlier = this.snapshot;
    } else if (this.snapshot) dispose(this.snapshot.held);
    this.snapshot = {
      saved: { step, state: {
        run: this.identity, adamStep: adam.step, source: source.state, streams: this.streams.save(), history: this.history.slice(), begun: this.begun, guard: this.guard.save(), warnings: this.warnings.slice(),
        seconds: this.seconds(), phases: { ...this.phases },
      } },
      held: { ...prefixed('student/', clone(trained)), ...prefixed('m/', clone(adam.m)), ...prefixed('v/', clone(adam.v)), ...prefixed('orthogonal/', clone(orthogonal)), ...prefixed('source/', source.held) },
    };
  }

  /** Back to a snapshot; the guard and the list of warnings keep what they have learned since. */
  private rollBack({ saved, held }: Snapshot): void {
    const guard = this.guard.save(), warnings = this.warnings;
    this.restore(saved.state, saved.step, clone(held));
    this.guard.restore(guard);
    this.warnings = warnings;
    this.takeSnapshot();
    this.forgetEarlier(); // it shows the failure
  }

  private forgetEarlier(): void {
    if (this.earlier) dispose(this.earlier.held);
    this.earlier = undefined;
  }

  /** Takes over the tensors. */
  private restore(state: Saved['state'], step: number, tensors: Record<string, Tensor>): void {
    const trained = part(tensors, 'student/');
    if (Object.keys(trained).join() !== Object.keys(this.student.initial).join()) {
      dispose(tensors);
      throw new ZsaqError('mismatch', 'the checkpoint belongs to another model or plan: choose another output folder');
    }
    dispose(this.state.trained, this.state.adam.m, this.state.adam.v, this.state.orthogonal);
    this.dropBatch();
    this.state = { step, trained, adam: { m: part(tensors, 'm/'), v: part(tensors, 'v/'), step: state.adamStep as number }, orthogonal: part(tensors, 'orthogonal/') };
    this.source.restore(part(tensors, 'source/'), state.source as Record<string, unknown>);
    this.streams.restore(state.streams as ReturnType<Streams['save']>);
    this.guard.restore(state.guard as GuardState);
    this.history = (state.history as Entry[]).slice();
    this.begun = state.begun === true;
    this.warnings = (state.warnings as Warning[]).slice();
    this.secondsBefore = state.seconds as number - (performance.now() - this.began) / 1000;
    Object.assign(this.phases, state.phases);
  }

  private write(): void {
    this.written = performance.now();
    const { snapshot: { saved, held }, earlier } = this;
    this.job.checkpoints?.save({ step: saved.step, state: { ...saved.state, ...(earlier ? { earlier: earlier.saved } : {}) }, tensors: hostTensors({ ...held, ...prefixed('earlier/', earlier?.held ?? {}) }) });
  }

  async finish(status: Status): Promise<Quantized> {
    const { student, job } = this, { trained, step } = this.state;
    const cost: Cost = { seconds: this.seconds(), peakBytes: peakBytes(), steps: step, phases: this.phases };
    const affines = Object.fromEntries(Object.keys(job.plan.weights).map((n) => [n, tidy(() => {
      const { scale, zero } = affineOf(student, trained, n);
      return { scale: tf.clone(scale), zero: tf.clone(zero) };
    })]));
    return { params: { ...clone(student.frozen), ...effective(student, trained) }, affines, plan: job.plan, history: this.history, cost, status, warnings: this.warnings };
  }

  dispose(): void {
    dispose(this.state.trained, this.state.adam.m, this.state.adam.v, this.state.orthogonal, this.snapshot?.held, this.earlier?.held);
    this.watch?.dispose();
    this.dropBatch();
    this.source.dispose();
    this.trainer.dispose();
    this.student.dispose();
  }

  private seconds(): number { return this.secondsBefore + (performance.now() - this.began) / 1000; }

  private async time<T>(phase: string, f: () => T | Promise<T>): Promise<T> {
    const t = performance.now();
    try { return await f(); } finally { this.phases[phase] = (this.phases[phase] ?? 0) + (performance.now() - t) / 1000; }
  }
}

async function classShares(logits: Tensor): Promise<number[]> {
  const [batch, labels] = logits.shape as [number, number], indices = tf.argMax(logits, -1), winners = await indices.data();
  indices.dispose();
  return Array.from({ length: labels }, (_, k) => winners.filter((w) => w === k).length / batch);
}
