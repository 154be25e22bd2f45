import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { peakBytes, tidy } from '../core/memory';
import { clone, dispose, fromHost, hostTensors, part, prefixed, type Params } from '../core/tree';
import { adamInit, type AdamState } from '../optim/adam';
import { rateAt } from '../optim/schedule';
import { Guard, type GuardState } from '../train/guard';
import { isCancelled, type Cost, type Entry, type Job, type MethodId, type Quantized, type Saved, type Status } from './method';
import { disposeInputs, type Source } from './source';
import { affineOf, effective, makeStudent, type Student } from './student';
import { readReport } from './studentStep';
import { makeTrainer, opponentOf, type Trainer } from './trainer';
import type { Streams } from '../core/random';
import type { Radius } from '../optim/sam';
import type { TrainConfig } from './config';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** Steps between two snapshots: what a roll-back or a resumed run goes back to. */
const SNAPSHOT_STEPS = 20;

interface State { step: number; trained: Record<string, Tensor>; adam: AdamState }

/**
 * Trains a quantized student against the teacher on whatever `source` gives: the loop of every training method.
 * Each step: ascend (if the source has an adversary), draw a batch, one sharpness-aware gradient, AdamW, re-quantize.
 * Checkpoints hold the last snapshot, so that a resumed run repeats exactly what an undisturbed one does.
 */
export async function distill(id: MethodId, job: Job, config: TrainConfig, radius: Radius | null, source: Source, streams: Streams): Promise<Quantized> {
  const student = makeStudent(job.teacher.model, job.teacher.params, job.plan, config.recompute);
  const run = new Run(id, job, config, radius, source, streams, student);
  try {
    return await run.finish(await run.loop());
  } finally {
    run.dispose();
  }
}

class Run {
  private state: State;
  private snapshot!: { saved: Omit<Saved, 'tensors'>; held: Record<string, Tensor> };
  private history: Entry[] = [];
  private readonly guard = new Guard();
  private readonly trainer: Trainer;
  private readonly phases: Record<string, number> = {};
  private readonly began = Date.now();
  private written = Date.now();
  private secondsBefore = 0;

  constructor(
    private readonly id: MethodId, private readonly job: Job, private readonly config: TrainConfig,
    radius: Radius | null, private readonly source: Source, private readonly streams: Streams,
    private readonly student: Student,
  ) {
    this.trainer = makeTrainer(student, job.teacher, config, { divergence: config.divergence, radius, clip: config.clip, precision: config.precision });
    const trained = clone(student.initial);
    this.state = { step: 0, trained, adam: adamInit(trained) };
    const saved = job.checkpoints?.load();
    if (saved) this.restore(saved.state, saved.step, fromHost(saved.tensors));
    this.takeSnapshot();
  }

  async loop(): Promise<Status> {
    while (this.state.step < this.config.steps) {
      if (isCancelled(this.job)) { this.write(); return 'cancelled'; }
      const entry = await this.step();
      if (entry === null) {
        const verdict = this.guard.trip();
        this.rollBack();
        if (verdict === 'give up') { this.write(); return 'diverged'; }
        continue;
      }
      this.history.push(entry);
      this.job.onProgress?.({ method: this.id, step: this.state.step, steps: this.config.steps, entry });
      if (this.state.step % SNAPSHOT_STEPS === 0) this.takeSnapshot();
      if (Date.now() - this.written > 1000 * this.config.checkpointSeconds) this.write();
      await new Promise((next) => setImmediate(next)); // signals and the notebook get a turn
    }
    return 'ok';
  }

  /** One step; null if a loss or gradient was not finite, in which case nothing has been updated. */
  private async step(): Promise<Entry | null> {
    const { state, config, job } = this;
    const share = rateAt(config.schedule, state.step, config.steps) * this.guard.rateShare;
    const ascended = await this.time('generator', () => this.ascend(share));
    if (ascended !== null && !Number.isFinite(ascended)) return null;
    const batch = await this.time('source', () => this.source.next());
    const { grads, report, teacherLogits } = await this.time('student', () => this.trainer.gradients(state.trained, batch.inputs));
    const classes = job.teacher.model.head.kind === 'classification' ? await classShares(teacherLogits) : null;
    disposeInputs(batch.inputs);
    teacherLogits.dispose();
    const result = await readReport(report);
    if (![result.loss, result.gradientNorm, result.sharpness ?? 0].every(Number.isFinite)) {
      dispose(grads);
      return null;
    }
    await this.time('update', () => this.update(grads, share));
    return {
      step: this.state.step, student: result.loss, generator: ascended, sharpness: result.sharpness, relativeRadius: result.relativeRadius, codesMoved: result.codesMoved,
      gradientNorm: result.gradientNorm, classes, distinct: batch.tokens ? new Set(batch.tokens).size / batch.tokens.length : null,
    };
  }

  /** The adversary's turn, against the student's weights as they stand. */
  private async ascend(share: number): Promise<number | null> {
    const { student, job: { teacher }, config, state: { step, trained } } = this;
    return (await this.source.ascend?.(step, opponentOf(student, teacher, trained, config.divergence), share)) ?? null;
  }

  private update(grads: Record<string, Tensor>, share: number): void {
    const { state: { trained, adam, step } } = this, next = this.trainer.update(trained, grads, adam, share);
    dispose(grads, trained, adam.m, adam.v);
    this.state = { step: step + 1, ...next };
  }

  private takeSnapshot(): void {
    const { trained, adam, step } = this.state, source = this.source.save();
    const old = this.snapshot?.held;
    this.snapshot = {
      saved: { step, state: {
        adamStep: adam.step, source: source.state, streams: this.streams.save(), history: this.history.slice(), guard: this.guard.save(),
        seconds: this.seconds(), phases: { ...this.phases },
      } },
      held: { ...prefixed('student/', clone(trained)), ...prefixed('m/', clone(adam.m)), ...prefixed('v/', clone(adam.v)), ...prefixed('source/', source.held) },
    };
    if (old) dispose(old);
  }

  /** Back to the snapshot; the guard keeps what it has learned since. */
  private rollBack(): void {
    const { saved, held } = this.snapshot, guard = this.guard.save();
    this.restore(saved.state, saved.step, clone(held));
    this.guard.restore(guard);
    this.takeSnapshot();
  }

  /** Takes over the tensors. */
  private restore(state: Saved['state'], step: number, tensors: Record<string, Tensor>): void {
    const trained = part(tensors, 'student/');
    if (Object.keys(trained).join() !== Object.keys(this.student.initial).join()) {
      throw new ZsaqError('mismatch', 'the checkpoint belongs to another model or plan: choose another output folder');
    }
    dispose(this.state.trained, this.state.adam.m, this.state.adam.v);
    this.state = { step, trained, adam: { m: part(tensors, 'm/'), v: part(tensors, 'v/'), step: state.adamStep as number } };
    this.source.restore(part(tensors, 'source/'), state.source as Record<string, unknown>);
    this.streams.restore(state.streams as ReturnType<Streams['save']>);
    this.guard.restore(state.guard as GuardState);
    this.history = (state.history as Entry[]).slice();
    this.secondsBefore = state.seconds as number - (Date.now() - this.began) / 1000;
    Object.assign(this.phases, state.phases);
  }

  private write(): void {
    this.written = Date.now();
    this.job.checkpoints?.save({ ...this.snapshot.saved, tensors: hostTensors(this.snapshot.held) });
  }

  async finish(status: Status): Promise<Quantized> {
    const { student, job } = this, { trained, step } = this.state;
    const cost: Cost = { seconds: this.seconds(), peakBytes: peakBytes(), steps: step, phases: this.phases };
    const affines = Object.fromEntries(Object.keys(job.plan.weights).map((n) => [n, tidy(() => {
      const { scale, zero } = affineOf(student, trained, n);
      return { scale: tf.clone(scale), zero: tf.clone(zero) };
    })]));
    return { params: { ...clone(student.frozen), ...effective(student, trained) }, affines, plan: job.plan, history: this.history, cost, status };
  }

  dispose(): void {
    dispose(this.state.trained, this.state.adam.m, this.state.adam.v, this.snapshot.held);
    this.source.dispose();
    this.trainer.dispose();
    this.student.dispose();
  }

  private seconds(): number { return this.secondsBefore + (Date.now() - this.began) / 1000; }

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
