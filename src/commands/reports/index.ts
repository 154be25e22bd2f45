import { convergence } from './convergence';
import { failures } from './failures';
import type { ReportEntry } from './report';

/** Reports of the analysis, by name; those of the paper's tables and figures are the registry's (reproductions/registry). */
export const ANALYSES: Readonly<Record<string, ReportEntry>> = { convergence, failures };
