import { writeReport } from './report.ts';

/** `npm run bench:results`: results.md and its plots, anew from results.json. */
writeReport([]);
