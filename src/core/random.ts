import { ZsaqError } from './error';

/** Serializable state of a stream: four unsigned 32-bit words. */
export type StreamState = readonly [number, number, number, number];

/**
 * A seeded stream of random numbers: sfc32 (Doty-Humphrey, PractRand), period about 2^127 on average.
 * The state is four words, so a stopped run continues with the very next number.
 *
 * @example new Stream('noise', 7).int(10)
 */
export class Stream {
  private a = 0; private b = 0; private c = 0; private d = 1;

  constructor(name: string, seed: number) {
    [this.a, this.b, this.c] = hash3(`${seed}/${name}`);
    for (let i = 0; i < 15; i++) this.uint32();
  }

  uint32(): number {
    const t = (this.a + this.b + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + t | 0;
    return t >>> 0;
  }

  /** Uniform in [0, 1) with 53 bits. */
  next(): number {
    const high = this.uint32() >>> 5, low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform integer in [0, n). */
  int(n: number): number {
    if (!(n >= 1)) throw new ZsaqError('range', `random integer below ${n}: the bound must be at least 1`);
    return Math.floor(this.next() * n);
  }

  /** Standard normal (Box-Muller; the second value is dropped so that the state stays four words). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  pick<T>(items: readonly T[]): T { return items[this.int(items.length)]; }

  /** Fisher-Yates, in place. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }

  get state(): StreamState { return [this.a >>> 0, this.b >>> 0, this.c >>> 0, this.d >>> 0]; }
  set state(s: StreamState) { [this.a, this.b, this.c, this.d] = [s[0] | 0, s[1] | 0, s[2] | 0, s[3] | 0]; }
}

/**
 * Streams by name from one seed. A new consumer takes a new name, so that it never shifts the numbers of another.
 *
 * @example const random = new Streams(1); random.get('noise').normal(); const saved = random.save()
 */
export class Streams {
  private readonly made = new Map<string, Stream>();
  constructor(readonly seed: number) {}

  get(name: string): Stream {
    let s = this.made.get(name);
    if (!s) this.made.set(name, (s = new Stream(name, this.seed)));
    return s;
  }

  save(): Record<string, StreamState> {
    return Object.fromEntries([...this.made].map(([k, s]) => [k, s.state]));
  }

  /** Every stream as it was; one that had not been asked for yet is at its beginning again. */
  restore(saved: Record<string, StreamState>): void {
    for (const [k, s] of this.made) if (!(k in saved)) s.state = new Stream(k, this.seed).state;
    for (const [k, state] of Object.entries(saved)) this.get(k).state = state;
  }
}

/** Three words from a text: FNV-1a over the UTF-16 units with three offsets, finished as in MurmurHash3. */
function hash3(text: string): [number, number, number] {
  return [0x811c9dc5, 0x9e3779b9, 0x85ebca6b].map((offset) => {
    let h = offset;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) | 0;
  }) as [number, number, number];
}
