// 页内内核所在的 Web Worker：取来内核的文件、逐个核对摘要、让 v86 从快照里醒来，然后在书页与应答的程序之间传话。
// 书页送来：{start: {base, version, now, seed}}、{line: 一行请求}。
// 送回书页：{progress: [取来多少, 一共多少]}、{booting: true}、{ready: {kernel, python}}、{line: 一行回答}、{failed: 一句话}、
// {kept: true}（整个硬盘都在缓存里了，断网也行）。

const CACHE = "sockscope-page-kernel-";
const encoder = new TextEncoder(), decoder = new TextDecoder();
const tell = (message) => postMessage(message);

class Failed extends Error {}

/**
 * 页内的机器自己的钟。模拟的处理器比真的慢几十倍，而协议的定时器不等人：照真的钟走，实验的结果就要看模拟得快不快。
 * 所以处理器忙的时候钟走得慢（rate），在机器自己看来，它和普通的机器一样快；没有事做、只等定时器的时候，钟快走 HURRY 倍，
 * 读者不必陪着等。没有人问话、或者在等硬盘的一块的时候不快走。
 */
class Clock {
  static HURRY = 10;
  constructor() {
    this.real = performance.now.bind(performance);
    Object.assign(this, {at: this.real(), seen: this.real(), rate: 1, rest: 0, hurried: () => false});
    performance.now = () => this.now(); // v86 只从这里知道时间
  }

  now() {
    const real = this.real();
    this.at += (real - this.seen) * this.rate;
    this.seen = real;
    return this.at;
  }

  /** 机器没有事做，它的下一个定时器在 ms 毫秒以后：返回真的要歇多少毫秒。 */
  idle(ms) {
    if (!ms || !this.hurried()) return ms;
    this.at = this.now() + ms;
    this.rest += ms / Clock.HURRY;
    if (this.rest < 4) return 0; // 浏览器歇不了这么短
    const rest = this.rest;
    this.rest = 0;
    return rest;
  }
}

/** 一个版本的全部文件：先看缓存，再向书的网站要；摘要不对的不用。 */
class Store {
  constructor(base, version) { Object.assign(this, {base: `${base}${version}/`, version, cache: null}); }

  async open() {
    this.cache = await caches.open(CACHE + this.version).catch(() => null); // 隐私窗口里可能没有
    const manifest = await this.fetch("manifest.json", {sha256: this.version});
    this.manifest = JSON.parse(decoder.decode(manifest));
    this.forgetOthers();
  }

  async forgetOthers() {
    const names = await caches.keys().catch(() => []);
    for (const name of names) if (name.startsWith(CACHE) && name !== CACHE + this.version) caches.delete(name);
  }

  file(name, onbytes) { return this.fetch(name, this.manifest.files[name], onbytes); }

  async fetch(name, {sha256}, onbytes = () => {}) {
    const url = this.base + name;
    const kept = await this.cache?.match(url).catch(() => null);
    if (kept) {
      const bytes = new Uint8Array(await kept.arrayBuffer());
      if (await matches(bytes, sha256)) { onbytes(bytes.length); return bytes; }
    }
    const bytes = await download(url, onbytes);
    if (!await matches(bytes, sha256)) throw new Failed(`${name} 与书里记的摘要不同，没有用它。刷新本页再试；还是这样，就请书的网站重新发布。`);
    await this.cache?.put(url, new Response(bytes)).catch(() => {}); // 存不下也不要紧
    return bytes;
  }
}

async function matches(bytes, wanted) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("").startsWith(wanted);
}

async function download(url, onbytes) {
  const answer = await fetch(url, {credentials: "same-origin"}).catch(() => { throw new Failed("页内内核没有取到：网络断了。接通之后再点一次，取到的不会重来。"); });
  if (!answer.ok) throw new Failed(`页内内核没有取到：网站回答 ${answer.status}。`);
  const chunks = [], reader = answer.body.getReader();
  let size = 0;
  for (;;) {
    const {done, value} = await reader.read().catch(() => { throw new Failed("页内内核取到一半断了。再点一次，取到的不会重来。"); });
    if (done) break;
    chunks.push(value);
    size += value.length;
    onbytes(value.length);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) { whole.set(chunk, at); at += chunk.length; }
  return whole;
}

/** 解压 gzip。 */
async function unzip(bytes) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}

/** 只读的硬盘：一块一块地取，用到才取。方法的名字由 v86 定。 */
class Disk {
  constructor(store) {
    const {size, part, parts} = store.manifest.disk;
    Object.assign(this, {store, byteLength: size, part, digests: parts, held: new Map(), coming: new Map()});
  }

  load() { this.onload?.({}); }
  get_buffer(done) { done(); }
  get_state() { return []; }
  set_state() {}
  set() { throw new Error("页内内核的硬盘是只读的"); }

  get_from_cache(start, length) {
    const found = new Uint8Array(length);
    for (const number of this.numbers(start, length)) {
      const content = this.held.get(number);
      if (!content) return undefined;
      const from = Math.max(start, number * this.part), to = Math.min(start + length, (number + 1) * this.part);
      found.set(content.subarray(from - number * this.part, to - number * this.part), from - start);
    }
    return found;
  }

  get(start, length, done) {
    Promise.all(this.numbers(start, length).map((number) => this.fetch(number)))
      .then(() => done(this.get_from_cache(start, length)), fail);
  }

  get_and_cache(start, length, done) { this.get(start, length, done); }

  numbers(start, length) {
    const first = Math.floor(start / this.part), last = Math.floor((start + length - 1) / this.part);
    return Array.from({length: last - first + 1}, (_, i) => first + i);
  }

  /** 取第几块；同一块只取一次。全是零的块没有文件。 */
  fetch(number) {
    if (this.held.has(number)) return Promise.resolve();
    if (!this.coming.has(number)) this.coming.set(number, this.bring(number).finally(() => this.coming.delete(number)));
    return this.coming.get(number);
  }

  async bring(number) {
    this.held.set(number, this.digests[number] ? await unzip(await this.packed(number)) : new Uint8Array(this.part));
  }

  packed(number) { return this.store.fetch(`disk/${number}.gz`, {sha256: this.digests[number]}); }

  /** 趁内核闲着，把还没有用到的块也取到缓存里：以后断了网，什么实验都还能做。取不到就算了，用到时再取。 */
  async keepAll(idle) {
    if (!this.store.cache || navigator.connection?.saveData) return;
    const names = new Set((await this.store.cache.keys()).map(({url}) => url));
    for (const [number, sha256] of this.digests.entries()) {
      if (!sha256 || names.has(`${this.store.base}disk/${number}.gz`)) continue;
      await idle();
      await this.packed(number);
    }
  }
}

/** 收字节，满一行交出一行。 */
function lines(take) {
  let pending = [];
  return (bytes) => {
    let from = 0;
    for (let end; (end = bytes.indexOf(10, from)) >= 0; from = end + 1) {
      pending.push(bytes.slice(from, end));
      take(decoder.decode(joined(pending)));
      pending = [];
    }
    if (from < bytes.length) pending.push(bytes.slice(from));
  };
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

function fail(problem) {
  tell({failed: problem instanceof Failed ? problem.message : `页内内核没有启动：${problem?.message ?? problem}。`});
}

let machine = null, becomeIdle = () => {}, ready = () => {};
const clock = new Clock(), asked = new Set();

/** 等到没有人在等内核的回答。 */
async function idle() { while (asked.size) await new Promise((resolve) => { becomeIdle = resolve; }); }

async function start({base, version, now, seed}) {
  const store = new Store(base, version);
  await store.open();
  const {files, memory, compiled} = store.manifest, coming = everything(store, files);
  const module = coming["v86.wasm"].then((code) => WebAssembly.compile(code));
  const kept = recorded(module, coming["compiled.zst"], compiled); // 趁快照还在路上，先把代码交给浏览器编译
  for (const one of [module, kept]) one.catch(() => {}); // 用到时再说
  const [library, bios, vga, packed] = await Promise.all(["libv86.js", "bios.bin", "vgabios.bin", "state.zst", "v86.wasm", "compiled.zst"]
    .map((name) => coming[name])); // 全都核对过了，才开始
  tell({booting: true});
  importScripts(URL.createObjectURL(new Blob([library], {type: "text/javascript"})));
  const state = await unpack(await module, packed, files["state.zst"].whole);
  const disk = new Disk(store);
  let table, emulator;
  machine = new V86({
    wasm_fn: async (imports) => {
      table = imports.env.__indirect_function_table;
      return (emulator = (await WebAssembly.instantiate(await module, imports)).exports);
    },
    memory_size: memory, vga_memory_size: 2 << 20, bios: {buffer: bios.buffer}, vga_bios: {buffer: vga.buffer},
    initial_state: {buffer: state}, hda: disk, virtio_console: {type: "none"},
    disable_keyboard: true, disable_mouse: true, disable_speaker: true, acpi: false, autostart: false,
  });
  machine.add_listener("virtio-console0-output-bytes", lines(heard));
  machine.add_listener("emulator-started", () => {
    const sleep = machine.v86.yield;
    machine.v86.yield = function (ms, tick) { return sleep.call(this, clock.idle(ms), tick); };
    clock.hurried = () => asked.size > 0 && !disk.coming.size;
    send(JSON.stringify({id: 0, do: "hello", now, seed}));
  });
  await new Promise((resolve) => machine.add_listener("emulator-loaded", resolve));
  structuredClone(state, {transfer: [state]}); // v86 还拿着它：七十兆字节，还给浏览器
  await recall(await kept, compiled, emulator, table);
  ready = () => disk.keepAll(idle).then(() => tell({kept: true}), () => {});
  machine.run();
}

/** 启动要的全部文件，一个文件一个 Promise；名字以 .gz 结尾的解开，名字也去掉它。 */
function everything(store, files) {
  const names = Object.keys(files), total = names.reduce((sum, name) => sum + files[name].size, 0);
  let loaded = 0;
  const count = (bytes) => tell({progress: [loaded += bytes, total]});
  return Object.fromEntries(names.map((name) => name.endsWith(".gz")
    ? [name.slice(0, -3), store.file(name, count).then(unzip)] : [name, store.file(name, count)]));
}

/** 解压 zstd：解压的程序在 v86 里。用另一个 v86，用完就还给浏览器，真正的那个就不必先长大。 */
async function unpack(module, packed, length) {
  const env = Object.fromEntries(WebAssembly.Module.imports(module).map(({name}) => [name, () => {}]));
  env.__indirect_function_table = new WebAssembly.Table({element: "anyfunc", initial: 1024});
  const {exports} = await WebAssembly.instantiate(module, {env}), context = exports.zstd_create_ctx(packed.length);
  new Uint8Array(exports.memory.buffer).set(packed, exports.zstd_get_src_ptr(context) >>> 0);
  const at = exports.zstd_read(context, length) >>> 0;
  return exports.memory.buffer.slice(at, at + length);
}

/** 构建时编译好的代码（snapshot.mjs 的 saveCompiled）：v86 自己的内存，和每个函数的模块。 */
async function recorded(module, packed, {own, functions}) {
  let at = own;
  const content = new Uint8Array(await unpack(await module, await packed, own + functions.reduce((sum, [, bytes]) => sum + bytes, 0)));
  const modules = functions.map(([, bytes]) => WebAssembly.compile(content.subarray(at, at += bytes)));
  return {memory: content.slice(0, own), modules: await Promise.all(modules)};
}

/** 放回编译好的代码：实验常走的路不必从头热身。v86 自己的内存要与那时一样，只有时钟用现在的。 */
async function recall({memory, modules}, {guest, own, functions}, emulator, table) {
  const {cpu} = machine.v86, now = BigInt.asUintN(64, emulator.read_tsc()), after = guest + cpu.mem8.byteLength;
  if (cpu.mem8.byteOffset !== guest) throw new Error("编译好的代码与这个 v86 合不上");
  const missing = after + own - guest - emulator.memory.buffer.byteLength;
  if (missing > 0) emulator.memory.grow(missing >> 16);
  const all = new Uint8Array(emulator.memory.buffer);
  all.set(memory.subarray(0, guest));
  all.set(memory.subarray(guest), after);
  emulator.set_tsc(Number(now & 0xffffffffn) | 0, Number(now >> 32n) | 0);
  await Promise.all(functions.map(async ([index], place) => {
    table.set(index, (await WebAssembly.instantiate(modules[place], {e: cpu.jit_imports})).exports.f);
  }));
}

function send(line) {
  const {id} = JSON.parse(line);
  if (id) asked.add(id);
  machine.serial_send_bytes(0, encoder.encode(`${line}\n`));
}

function heard(line) {
  const [, id, last] = line.match(/^{"id":(\d+),"(ok|wrong)"/) ?? [];
  if (last && asked.delete(+id) && !asked.size) becomeIdle();
  if (!line.startsWith('{"id":0,')) return tell({line});
  const {ok, wrong} = JSON.parse(line);
  if (ok) clock.rate = 1 / (2 * ok.pace); // 留一倍的余地：读者的机器还有别的事
  tell(ok ? {ready: ok} : {failed: wrong ?? line});
  if (ok) ready();
}

onmessage = ({data}) => {
  if (data.start) start(data.start).catch(fail);
  else send(data.line);
};
