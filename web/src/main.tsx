import { render } from 'preact'
import { learnCaller } from './api/session.js'
import { App } from './app/App.js'

void learnCaller()
render(<App />, document.getElementById('app')!)
