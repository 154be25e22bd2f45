// What people, shells and clocks do to a run: Ctrl-C twice, a closed pipe, a clock that is set back, a rate that breaks it.
import { existsSync, readdirSync } from 'node:fs';
import { pocketModelPath } from '../../../datasets';
import { loadCheckpoint } from '../../../src/io/checkpoint';
import { difference, madeIn } from '../made';
import { sufferZsaq, type Ended, type Fault } from '../suffer';
import { inPlace, type FaultCase, type Place } from './place';

/** A run keeps a state to go back to every twenty steps, and that is what its checkpoints hold. */
const STEPS = 25, KEPT = 20;

function quantize(p: Place, fault: Omit<Fault, 'roots'> = {}, more: string[] = [], o: Parameters<typeof sufferZsaq>[2] = {}): Promise<Ended> {
  const args = ['quantize', '--model', pocketModelPath('pocket-bert'), '--method', 'qatRandom', '--bits', 'W2A8', '--preset', 'smoke', '--set', `steps=${STEPS}`, '--set', 'checkpointSeconds=0', ...more, '--out', p.dir()];
  return sufferZsaq(args, { ...fault, roots: [p.dir()] }, o);
}

/** Waits for the first checkpoint. */
function atCheckpoint(p: Place, then: () => void): NodeJS.Timeout {
  const timer = setInterval(() => {
    if (!existsSync(p.dir('checkpoints')) || !readdirSync(p.dir('checkpoints')).some((name) => name.startsWith('step-'))) return;
    clearInterval(timer);
    then();
  }, 10);
  return timer;
}

export const PROCESS: readonly FaultCase[] = [
  {
    kind: 'closed pipe',
    inject: () => inPlace(async (p) => {
      const ended = await sufferZsaq(['reproduce', '--list', '--results', p.dir(), '--work', p.dir()], { roots: [p.dir()] }, { onStart: (child) => child.stdout!.destroy() });
      return ended.code === 141 && ended.stderr === '' ? undefined : `it ends with ${ended.signal ?? ended.code} and says: ${ended.stderr.slice(0, 400)}`;
    }),
  },
  {
    kind: 'training that breaks', heavy: true,
    inject: () => inPlace(async (p) => {
      const ended = await quantize(p, {}, ['--set', 'rate=1e30']);
      return ended.code === 3 && /diverged: what is saved is its last good state/.test(ended.stdout) && !/\n\s+at /.test(ended.stderr) ? undefined : `it ends with ${ended.code}: ${ended.stdout} ${ended.stderr.slice(-400)}`;
    }),
  },
  {
    kind: 'Ctrl-C twice', heavy: true,
    inject: () => inPlace(async (p) => {
      let timer: NodeJS.Timeout | undefined;
      const ended = await quantize(p, {}, [], { onStart: (child) => { timer = atCheckpoint(p, () => { child.kill('SIGINT'); setTimeout(() => child.kill('SIGINT'), 5); }); } });
      clearInterval(timer);
      if (ended.code !== 130) return `it ends with ${ended.signal ?? ended.code}: ${ended.stderr.slice(-300)}`;
      return againstWhole(p);
    }),
  },
  {
    kind: 'clock set back', heavy: true,
    inject: () => inPlace(async (p) => {
      const whole = await quantize(p), operations = whole.operations, wish = madeIn(p.dir());
      return inPlace(async (q) => {
        await quantize(q, { clock: { after: 6, jump: -3600_000 }, act: 'kill', at: Math.round(operations * 0.9), when: 'before' });
        const step = loadCheckpoint(q.dir('checkpoints'))?.step ?? 0;
        if (step < KEPT) return `the newest checkpoint is of step ${step}: none was written after the clock was set back`;
        const ended = await quantize(q, { clock: { after: 6, jump: -3600_000 } }), differs = difference(withoutPaths(madeIn(q.dir())), withoutPaths(wish));
        return ended.code === 0 ? differs : `it does not go on: ${ended.stderr}`;
      });
    }),
  },
];

/** The run goes on and ends with the model of an undisturbed one. */
async function againstWhole(p: Place): Promise<string | undefined> {
  const ended = await quantize(p);
  if (ended.code !== 0) return `it does not go on: ${ended.stderr.slice(-300)}`;
  return inPlace(async (q) => { await quantize(q); return difference(withoutPaths(madeIn(p.dir())), withoutPaths(madeIn(q.dir()))); });
}

/** Metrics name the folder of their run. */
function withoutPaths(made: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(made).filter(([name]) => !/^(metrics\.json|figure\.html)$/.test(name)));
}
