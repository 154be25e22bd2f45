import { convergence } from './convergence';
import { diversity } from './diversity';
import { failures } from './failures';
import { flatness } from './flatness';
import type { ReportEntry } from './report';

/** Reports of the analysis, by name; those of the paper's tables and figures are the registry's (reproductions/registry). */
export const ANALYSES: Readonly<Record<string, ReportEntry>> = { convergence, flatness, diversity, failures };
