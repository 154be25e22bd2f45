import assert from 'node:assert/strict';
import { durationText, Progress } from '../../src/report/progress';

function recorder(live: boolean, columns?: number) {
  const said: string[] = [];
  let time = 0;
  return { said, tick: (ms: number) => { time += ms; }, options: { stream: { write: (text: string) => said.push(text), columns }, live, now: () => time } };
}

describe('report/progress', () => {
  it('draws a bar in place with the time left', () => {
    const { said, tick, options } = recorder(true);
    const progress = new Progress('quantizing', 4, options);
    for (let step = 1; step <= 4; step++) { tick(1000); progress.update(step, `loss ${step / 4}`); }
    progress.end();
    assert.deepEqual(said, [
      '\rquantizing ██████░░░░░░░░░░░░░░░░░░ 25% 1/4 · 3 s left · loss 0.25',
      '\rquantizing ████████████░░░░░░░░░░░░ 50% 2/4 · 2 s left · loss 0.5 ',
      '\rquantizing ██████████████████░░░░░░ 75% 3/4 · 1 s left · loss 0.75',
      '\rquantizing ████████████████████████ 100% 4/4 · in 4 s · loss 1    ',
      '\rquantizing ████████████████████████ 100% 4/4 · in 4 s · loss 1',
      '\n',
    ]);
  });

  it('draws at most ten times a second and fits the terminal', () => {
    const { said, tick, options } = recorder(true, 40);
    const progress = new Progress('a long name for a job', 1000, options);
    for (let step = 1; step < 1000; step++) { tick(1); progress.update(step, 'words'); }
    assert.equal(said.length, 10);
    for (const text of said) assert.ok(text.length <= 40, text);
  });

  it('writes few lines in a log, and none for a short job', () => {
    const short = recorder(false);
    const quick = new Progress('short', 10, short.options);
    for (let step = 1; step <= 10; step++) { short.tick(100); quick.update(step); }
    quick.end();
    assert.deepEqual(short.said, []);

    const long = recorder(false);
    const slow = new Progress('long', 60, long.options);
    for (let step = 1; step <= 60; step++) { long.tick(1000); slow.update(step); }
    slow.end();
    slow.end();
    assert.deepEqual(long.said, [
      'long: 3% 2/60 · 58 s left\n', 'long: 28% 17/60 · 43 s left\n', 'long: 53% 32/60 · 28 s left\n', 'long: 78% 47/60 · 13 s left\n', 'long: 100% 60/60 · in 1 min 00 s\n',
    ]);

    const whole = recorder(false), once = new Progress('all at once', 60, whole.options);
    whole.tick(3000);
    once.update(60);
    once.end();
    assert.deepEqual(whole.said, ['all at once: 100% 60/60 · in 3 s\n'], 'the last line stands once');
  });

  it('tells the time left from the present speed, not from the warm-up', () => {
    const { tick, options } = recorder(false);
    const progress = new Progress('job', 140, options);
    tick(60_000);
    progress.update(1);
    for (let step = 2; step <= 40; step++) { tick(100); progress.update(step); }
    assert.equal(Math.round(progress.secondsLeft!), 10);
  });

  it('does not take the work of an earlier session for speed', () => {
    const { tick, options } = recorder(false), progress = new Progress('job', 5000, options);
    tick(10_000), progress.update(4001);
    assert.equal(progress.secondsLeft, undefined, 'nothing is known of its time');
    tick(10_000), progress.update(4002);
    assert.equal(progress.secondsLeft, 9980);
  });

  it('is silent about a time that it cannot tell', () => {
    const { said, options } = recorder(true);
    new Progress('job', 0, options).update(0);
    new Progress('job', 5, options).update(0);
    assert.deepEqual(said, ['\rjob ████████████████████████ 100% 0/0 · in 0 s', '\rjob ░░░░░░░░░░░░░░░░░░░░░░░░ 0% 0/5']);
  });

  it('writes durations', () => {
    assert.deepEqual([0, 59.4, 60, 200, 3599, 3600, 7500].map(durationText), ['0 s', '59 s', '1 min 00 s', '3 min 20 s', '59 min 59 s', '1 h 00 min', '2 h 05 min']);
  });
});
