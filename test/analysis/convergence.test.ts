import assert from 'node:assert/strict';
import fc from 'fast-check';
import { gameDefaults, gridStep, playGame } from '../../src/analysis/convergence';
import { MINIMAX, quadraticGame, type MinimaxProblem } from '../../src/analysis/minimax';
import { bootstrapSlope, logLogFit } from '../../src/analysis/slope';
import { Stream } from '../../src/core/random';

const norm = (a: Float64Array): number => Math.hypot(...a);

/** Both gradients at a point. */
function at(problem: MinimaxProblem, x: Float64Array, y: Float64Array): { gx: Float64Array; gy: Float64Array } {
  const gx = new Float64Array(x.length), gy = new Float64Array(y.length);
  problem.gradients(x, y, gx, gy);
  return { gx, gy };
}

/** The maximizing player's answer to x, by ascent to the end. */
function answer(problem: MinimaxProblem, x: Float64Array): Float64Array {
  const y = problem.start.y.slice();
  for (let k = 0; k < 4000; k++) at(problem, x, y).gy.forEach((g, i) => { y[i] += g / problem.smoothness; });
  return y;
}

describe('analysis/minimax', () => {
  for (const problem of Object.values(MINIMAX)) {
    const n = problem.start.x.length, m = problem.start.y.length;
    const points = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 2 * (n + m), maxLength: 2 * (n + m) });

    it(`${problem.name}: the gradient is Lipschitz with its constant, and hardly less`, () => {
      let largest = 0;
      const slope = (x: Float64Array, y: Float64Array, dx: Float64Array, dy: Float64Array) => {
        const [a, b] = [at(problem, x, y), at(problem, x.map((v, i) => v + dx[i]), y.map((v, i) => v + dy[i]))];
        return Math.hypot(norm(b.gx.map((v, i) => v - a.gx[i])), norm(b.gy.map((v, i) => v - a.gy[i]))) / Math.hypot(norm(dx), norm(dy));
      };
      fc.assert(fc.property(points, (p) => {
        const [x, y, dx, dy] = [p.slice(0, n), p.slice(n, n + m), p.slice(n + m, 2 * n + m), p.slice(2 * n + m)].map((v) => Float64Array.from(v));
        if (Math.hypot(norm(dx), norm(dy)) < 1e-6) return;
        assert.ok(slope(x, y, dx, dy) <= problem.smoothness * (1 + 1e-9));
      }));
      const random = new Stream('direction', 0); // the worst direction, by power iteration at a worst point
      const x = problem.start.x.map(() => (problem.name === 'sinusoid' ? 0.3 : 2)), y = new Float64Array(m);
      let d = Float64Array.from({ length: n + m }, () => random.normal());
      for (let k = 0; k < 200; k++) {
        const h = 1e-4 / norm(d), here = at(problem, x, y), there = at(problem, x.map((v, i) => v + h * d[i]), y.map((v, i) => v + h * d[n + i]));
        const next = Float64Array.from([...there.gx.map((v, i) => (v - here.gx[i]) / h), ...there.gy.map((v, i) => (v - here.gy[i]) / h)]);
        largest = norm(next) / norm(d);
        d = next.map((v) => v / norm(next));
      }
      assert.ok(largest > 0.98 * problem.smoothness && largest < 1.001 * problem.smoothness, `${largest} of ${problem.smoothness}`);
    });

    it(`${problem.name}: the gradient of Phi is that of f at the best answer`, () => {
      fc.assert(fc.property(fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: n, maxLength: n }), (p) => {
        const x = Float64Array.from(p), g = new Float64Array(n);
        problem.primalGradient(x, g);
        const { gx, gy } = at(problem, x, answer(problem, x));
        assert.ok(norm(gy) < 1e-6, 'the answer is the best one');
        assert.ok(norm(gx.map((v, i) => v - g[i])) < 1e-5 * (1 + norm(g)));
      }), { numRuns: 15 });
    });
  }

  it('sinusoid obeys the PL condition with its mu, and no larger one', () => {
    const { mu, gradients } = MINIMAX.sinusoid, gx = new Float64Array(1), gy = new Float64Array(1);
    let least = Infinity;
    for (const u of [0, 0.5, 1, Math.PI / 2]) for (let y = 0.001; y < 20; y += 0.001) {
      gradients(Float64Array.of(u + 0.3), Float64Array.of(y), gx, gy);
      const gap = 4 * y * y + (10 - 3 * Math.sin(u) ** 2) * Math.sin(y) ** 2; // max f - f
      least = Math.min(least, gy[0] ** 2 / (2 * gap));
    }
    assert.ok(least >= mu && least < 1.02 * mu, `${least}`);
  });

  it('a game of one mode has its constants in closed form', () => {
    const game = quadraticGame([{ p: -0.5, rho: 2, q: 0.25 }], 1, { name: 'one', title: '', source: '', sigma: 0, range: 1 });
    assert.equal(game.mu, 0.25);
    assert.equal(game.criticalRatio, 2);
    // the eigenvalues of [[-0.5, 2], [2, -0.25]]
    assert.ok(Math.abs(game.smoothness - (0.375 + Math.sqrt(0.125 ** 2 + 4))) < 1e-12);
  });
});

describe('analysis/convergence', () => {
  const quiet = (name: string): MinimaxProblem => ({ ...MINIMAX[name], sigma: 0 });

  it('is the same for the same seed and another for another', () => {
    const run = (seed: number) => playGame(MINIMAX.mcCormick, { ...gameDefaults, beta: 0.5, bits: 4 }, 300, seed);
    assert.deepEqual(run(1), run(1));
    assert.notDeepEqual(run(1), run(2));
  });

  it('the measure falls as T^(-1/2), with and without SAM', () => {
    for (const beta of [0, 0.5]) {
      const steps = [300, 1000, 3000, 10000], values = steps.map((t) => [1, 2, 3].map((seed) => playGame(MINIMAX.plGame, { ...gameDefaults, beta }, t, seed).student));
      const { slope, low, high } = bootstrapSlope(steps, values, 200);
      assert.ok(Math.abs(slope + 0.5) < 0.05 && low <= slope && slope <= high, `beta ${beta}: ${slope} in ${low} ... ${high}`);
    }
  });

  it('below the critical ratio descent-ascent leaves the solution without any noise, above it arrives', () => {
    const { criticalRatio } = MINIMAX.plGame, last = (ratio: number, steps: number) => playGame(quiet('plGame'), { ...gameDefaults, ratio }, steps, 0).joint;
    assert.equal(criticalRatio, 2);
    assert.ok(last(0.75 * criticalRatio, 10_000) > 10 * last(0.75 * criticalRatio, 100));
    assert.ok(last(1.5 * criticalRatio, 10_000) < 0.2 * last(1.5 * criticalRatio, 100));
    assert.deepEqual(playGame(quiet('plGame'), { ...gameDefaults, ratio: 0.5 }, 100_000, 0), { student: Infinity, primal: Infinity, joint: Infinity });
  });

  it('a quantizer leaves a floor that finer grids lower', () => {
    const at = (bits: number | null) => playGame(quiet('robustLeastSquares'), { ...gameDefaults, bits }, 100_000, 0).primal, [two, four, eight, none] = [2, 4, 8, null].map(at);
    assert.ok(two > 4 * four && four > 2 * none && eight < 1.1 * none, [two, four, eight, none].join());
    assert.equal(gridStep(4, 3), 4 / 3);
  });

  it('one step by hand: x moves by the gradient at the perturbed rounded point', () => {
    // f = x^2 + 3 sin^2 ... at y = 0: df/dx = 2 (x - 0.3); the second step's measure shows where the first one went
    const problem: MinimaxProblem = { ...quiet('sinusoid'), start: { x: Float64Array.of(1), y: Float64Array.of(0) }, range: 2 }, config = { ...gameDefaults, ratio: 1, beta: 0.5, decays: false, bits: 3 };
    const step = gridStep(2, 3), rounded = step * Math.round(1 / step), eta = config.rate / (problem.smoothness * Math.SQRT2), moved = 1 - eta * 2 * (rounded + 0.5 - 0.3);
    const second = step * Math.round(moved / step), square = (x: number) => (2 * (x - 0.3)) ** 2;
    assert.ok(Math.abs(playGame(problem, config, 2, 0).student - (square(rounded) + square(second)) / 2) < 1e-12);
  });
});

describe('analysis/slope', () => {
  it('finds the exponent of a power exactly', () => {
    fc.assert(fc.property(fc.double({ min: -2, max: 2, noNaN: true }), fc.double({ min: 0.1, max: 10, noNaN: true }), (k, c) => {
      const x = [1, 10, 100, 1000], { slope, intercept } = logLogFit(x, x.map((t) => c * t ** k));
      assert.ok(Math.abs(slope - k) < 1e-9 && Math.abs(intercept - Math.log(c)) < 1e-9);
    }));
  });

  it("the bootstrap's interval is as wide as the normal one", () => {
    const random = new Stream('slope', 3), x = [1, 10, 100, 1000], n = 40, spread = 0.2;
    const values = x.map((t) => Array.from({ length: n }, () => t ** -0.5 * Math.exp(spread * random.normal()))), { slope, low, high } = bootstrapSlope(x, values, 2000);
    // variance of the slope: that of one log mean over the sum of squared deviations of log x
    const u = x.map(Math.log), mean = u.reduce((a, b) => a + b) / u.length, error = spread / Math.sqrt(n) / Math.sqrt(u.reduce((s, a) => s + (a - mean) ** 2, 0));
    assert.ok(low < slope && slope < high && Math.abs(slope + 0.5) < 3 * error);
    assert.ok(Math.abs((high - low) / (2 * 1.96 * error) - 1) < 0.3, `${high - low} against ${2 * 1.96 * error}`);
  });

  it('SAM follows a noisy gradient', () => {
    const points: number[][] = [], problem: MinimaxProblem = {
      name: 'flat', title: '', source: '', sigma: 1, range: 1, smoothness: 1, mu: 1, criticalRatio: 0, start: { x: Float64Array.of(1, 2), y: Float64Array.of(0) },
      gradients: (x, _, gx, gy) => { points.push([...x]); gx.fill(0); gy.fill(0); }, primalGradient: (_, g) => { g.fill(0); },
    };
    playGame(problem, { ...gameDefaults, beta: 0.5, decays: false }, 1, 1);
    assert.equal(points.length, 2);
    assert.ok(Math.abs(Math.hypot(points[1][0] - points[0][0], points[1][1] - points[0][1]) - 0.5) < 1e-9);
  });

  it('the slope is of means, of as many seeds as there are', () => {
    const { slope, low, high } = bootstrapSlope([1, 4], [[1, 1, 1, 1], [0.5, 0.5]], 20);
    for (const x of [slope, low, high]) assert.ok(Math.abs(x + 0.5) < 1e-12);
  });
});
