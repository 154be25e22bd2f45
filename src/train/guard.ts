/** What a guard remembers across roll-backs and restarts. */
export interface GuardState { trips: number }

/**
 * Watches for losses and gradients that are not finite. The first one sends the run back to its last good state with
 * half the rate; the second one ends it as diverged, at that state, with everything saved.
 */
export class Guard {
  private trips = 0;

  /** Share of the rate that is left. */
  get rateShare(): number { return 0.5 ** this.trips; }

  trip(): 'retry' | 'give up' { return ++this.trips > 1 ? 'give up' : 'retry'; }

  save(): GuardState { return { trips: this.trips }; }
  restore({ trips }: GuardState): void { this.trips = trips; }
}
