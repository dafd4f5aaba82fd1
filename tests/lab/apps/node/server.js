// SignalCraft's Node backend, as small as it can be and still like it: settings from .env, one pool, two routes.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const dotenv = require('dotenv')
const express = require('express')
const pg = require('pg')

dotenv.config({ path: path.resolve('.env'), quiet: true })

// The lab's switch for a version that cannot start: the file exists, so the worker dies before it is ready.
// One that already serves dies of it as well, by itself: so begins a crash loop.
function exitIfTold () {
  if (fs.existsSync(path.resolve('faults/node-exits-at-boot'))) {
    console.error('the lab told this worker to exit')
    process.exit(1)
  }
}

exitIfTold()
setInterval(exitIfTold, 100).unref()

// The lab's switch for a loop without an end: nothing else gets its turn until the file is gone. It leaves most of the
// processor to others, for it is theirs as well.
function loopIfTold () {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  while (fs.existsSync(path.resolve('faults/node-loops'))) {
    for (const end = Date.now() + 5; Date.now() < end;);
    Atomics.wait(pause, 0, 0, 20)
  }
}

setInterval(loopIfTold, 100).unref()

const pool = new pg.Pool({
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  database: process.env.DB_NAME,
  user: process.env.DB_USER,
  password: process.env.DB_PASSWORD,
  application_name: 'signalcraft-nodejs',
  ssl: { rejectUnauthorized: false },
  max: 3,
  idleTimeoutMillis: 30000,
  connectionTimeoutMillis: 10000,
  query_timeout: 10000
})
// Without a listener the loss of an idle connection would end the process.
pool.on('error', error => console.error(`idle connection lost: ${error.message}`))

const app = express()

// A switch that works once: of several workers one finds the file.
function toldToFailOnce () {
  try {
    fs.unlinkSync(path.resolve('faults/node-answers-500-once'))
    return true
  } catch {
    return false
  }
}

app.get('/health', (request, response) => {
  if (toldToFailOnce()) {
    return response.status(500).json({ status: 'error', error: 'the lab told this worker to fail once' })
  }
  if (fs.existsSync(path.resolve('faults/node-answers-500'))) {
    return response.status(500).json({ status: 'error', error: 'the lab told this worker to fail' })
  }
  response.json({ status: 'ok', service: 'signalcraft-nodejs', pid: process.pid })
})

app.get('/api/db', async (request, response) => {
  try {
    const result = await pool.query('select now() as now, count(*)::int as signals from signals')
    response.json({ status: 'ok', ...result.rows[0] })
  } catch (error) {
    response.status(503).json({ status: 'error', error: error.message })
  }
})

const server = app.listen(Number(process.env.PORT), '127.0.0.1', () => {
  if (process.send) process.send('ready')
})

process.on('SIGINT', () => {
  server.close(() => process.exit(0))
  server.closeAllConnections()
})
