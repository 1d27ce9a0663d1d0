import './app.css';
import { render } from 'preact';
import { startLive } from './api/live.ts';
import { App } from './shell/app.tsx';
import { startShortcuts } from './state/keys.ts';
import { followAddress } from './state/view-url.ts';

const place = document.getElementById('app');
if (place !== null) {
  followAddress();
  startShortcuts();
  startLive();
  render(<App />, place);
}
