/** After a build: what is left in dist/ of sources that are gone, goes. */
import { pruneDist } from './dist.js';

pruneDist();
