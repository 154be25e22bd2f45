import { Stream } from '../../../src/core/random';
import { difference } from '../made';
import { TURNS, type Ended, type Fault } from '../suffer';
import type { Tally } from '../tally';
import { jobs, type Job } from './jobs';

/** Kills of one job in a row before it may come to its end. */
const IN_A_ROW = 8;
const WHEN = ['before', 'middle', 'after'] as const;

/**
 * Kills the jobs at seeded operations on the disk, before, in the middle and after them, lets them go on, and compares what
 * they end with to an undisturbed run, file by file. Between two such operations a kill has the effect of one at the second.
 */
export async function killAll(tally: Tally, o: { seed: number; kills: number; heavy: boolean; only?: string }): Promise<void> {
  const chosen = jobs().filter((job) => (o.heavy || !job.heavy) && (o.only === undefined || job.name === o.only)), shares = chosen.reduce((sum, job) => sum + job.share, 0), began = Date.now();
  for (const job of chosen) {
    const wanted = Math.max(1, Math.round(o.kills * job.share / shares));
    await job.begin();
    try {
      await killJob(job, wanted, o.seed, tally, () => tally.step('kills', tally.kills, o.kills, began));
    } finally {
      await job.end();
    }
  }
}

async function killJob(job: Job, wanted: number, seed: number, tally: Tally, tell: () => void): Promise<void> {
  const random = new Stream(`kills ${job.name}`, seed), whole = await job.run({});
  if (whole.code !== 0) return tally.fail(`${job.name}: an undisturbed run ends with ${said(whole)}`);
  const wish = job.made();
  for (let kills = 0, rounds = 0; kills < wanted && rounds < 3 * wanted; rounds++) {
    job.clear();
    const before = kills, course: string[] = [];
    for (let row = 0; ; row++) {
      const turn = random.int(2) === 1, moments = turn ? whole.turns : whole.operations;
      const at = 1 + random.int(Math.ceil(moments / (row ? 3 : 1))), when = WHEN[random.int(3)], reached = job.progress(), moment = `${when} ${turn ? 'turn' : 'operation'} ${at}`;
      const fault: Omit<Fault, 'roots'> = row < IN_A_ROW && kills < wanted ? { act: 'kill', at, when, ...(turn ? { ops: TURNS } : {}) } : {};
      const ended = await job.run(fault), place = `${job.name}, seed ${seed}, ${[...course, fault.act ? moment : 'to its end'].join(', ')}`;
      if (job.progress() < reached) tally.lose(`${place}: work that was on the disk is gone`);
      const inCell = job.name === 'reproduce' && fault.act !== undefined && ended.code === 1 && /failed: /.test(ended.stderr); // the kill met the process of a cell, and the runner says so
      if ((ended.signal === 'SIGKILL' && !ended.hung) || inCell) {
        kills += 1;
        tally.kills += 1;
        course.push(moment);
        tell();
        continue;
      }
      if (ended.code !== 0) tally.fail(`${place}: it ends with ${said(ended)}`);
      const differs = ended.code === 0 ? difference(job.made(), wish) : undefined;
      if (differs) tally.lose(`${place}: against an undisturbed run it ${differs}`);
      break;
    }
    if (kills === before && rounds > 20) break;
  }
}

/** How a process ended, in a line. */
export function said({ code, signal, hung, stderr }: Ended): string {
  return `${hung ? 'no end (it was stopped)' : signal ?? `exit ${code}`}: ${stderr.trimEnd().split('\n').slice(-3).join(' | ').slice(0, 400)}`;
}
