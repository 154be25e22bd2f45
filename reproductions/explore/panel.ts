// The live part of notebooks/40-explore: sliders over the sweep, and a button that runs the chosen point.
import { ZsaqError } from '../../src/index';
import { beginJob, interact, Progress, type Panel } from '../../src/report';
import { ALONG, exploreCell, OFFERED, WRITERS } from './grid';
import { betaFigure } from './figure';
import { pointsOf, type ExplorePoint } from './points';
import { runPoint } from './run';

type Chosen = { beta: number; 'generator (M)': number; bits: string; steps: number };

/** What was run in a notebook; it grows while runs go on. */
export interface Explored { points: readonly ExplorePoint[] }

const STEPS = ALONG.mini;

/** Shows sliders, Run and Stop over the figure of some points. */
export async function explorePanel(sweep: readonly ExplorePoint[]): Promise<Explored> {
  const own: ExplorePoint[] = [];
  let now: Chosen = { beta: 1e-3, 'generator (M)': 0.3, bits: 'W2A8', steps: STEPS[STEPS.length - 1] }, stop: AbortController | undefined;
  const panel = interact<Chosen>([
    { name: 'beta', values: OFFERED.betas, value: now.beta }, { name: 'generator (M)', values: WRITERS.map((w) => w.millions), value: now['generator (M)'] },
    { name: 'bits', values: OFFERED.bits, value: now.bits }, { name: 'steps', values: STEPS, value: now.steps },
  ], (values) => {
    now = values;
    return betaFigure([...sweep, ...own], { bits: now.bits, steps: now.steps, chosen: { beta: now.beta, millions: now['generator (M)'] } });
  }, { buttons: [
    { name: 'Run', icon: 'play', press: async () => {
      if (stop) return;
      stop = new AbortController();
      for (const [name, on] of [['Run', false], ['Stop', true]] as const) panel.enable(name, on);
      try {
        panel.say(await runChosen(now, stop.signal, panel, own));
      } catch (e) {
        if (!(e instanceof ZsaqError)) throw e;
        panel.say(e.message);
      } finally {
        stop = undefined;
        for (const [name, on] of [['Run', true], ['Stop', false]] as const) panel.enable(name, on);
      }
    } },
    { name: 'Stop', icon: 'stop', disabled: true, press: () => stop?.abort() },
  ] });
  await panel.drawn;
  return { points: own };
}

/** Runs the chosen point; its measurements join `own` as they come. @returns what came out, in words */
async function runChosen({ beta, bits, steps, 'generator (M)': millions }: Chosen, signal: AbortSignal, panel: Panel, own: ExplorePoint[]): Promise<string> {
  const cell = exploreCell('mini', WRITERS.find((w) => w.millions === millions)!.name, bits, beta), name = `${bits}, beta ${beta}, generator of ${millions}M`;
  const bar = new Progress('running', steps, { live: true, stream: { write: (text: string) => panel.say(text.trim()) } });
  own.splice(0, own.length, ...own.filter((p) => p.bits !== bits || p.beta !== beta || p.millions !== millions)); // a run of the same point takes its place
  beginJob();
  const ended = await runPoint(cell, {
    steps, signal,
    onStage: (words) => panel.say(`${words} …`),
    onStep: ({ step, entry }) => bar.update(step, `student ${entry.student.toFixed(3)}`),
    async onPoint(point) { own.push(...pointsOf(cell, [point], true)); await panel.redraw(); },
  });
  const last = own.filter((p) => p.bits === bits && p.beta === beta && p.millions === millions).pop();
  const what = ended.status === 'cancelled' ? `stopped after step ${ended.steps} of ${steps}` : ended.status === 'ok' ? `${ended.steps} steps` : `${ended.status} after step ${ended.steps}`;
  return `${name}: ${what}${last?.score == null || last.bank === null ? '' : `; accuracy ${last.score.toFixed(1)} %, divergence ${last.bank.toFixed(3)}`}`;
}
