/** The page's first module. */
import './style/main.css';
import { render } from 'preact';
import { App } from './shell/app.js';
import { loadLibrary } from './state/library.js';

const place = document.getElementById('app');
if (place === null) throw new Error('index.html has no element with id "app"');
render(<App />, place);
void loadLibrary();
