// 在 v86 里启动页内内核，等应答的程序热好身，再做几个实验让 v86 把常走的代码编译好；存下整台机器，和编译好的代码。
// 用法：node snapshot.mjs 设置.json   （里面是各文件的路径、内存、内核命令行）
import {readFileSync, writeFileSync} from "node:fs";
import {V86} from "v86";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const buffer = (path) => { const b = readFileSync(path); return {buffer: b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength)}; };

/** 只读的硬盘：快照里不带它，醒来时书页另给一个同样的（worker.js 的 Disk）。 */
class Disk {
  constructor(path) { this.content = readFileSync(path); this.byteLength = this.content.length; }
  load() { this.onload?.({}); }
  get_from_cache(start, length) { return new Uint8Array(this.content.subarray(start, start + length)); }
  get(start, length, done) { done(this.get_from_cache(start, length)); }
  get_and_cache(start, length, done) { this.get(start, length, done); }
  set() { throw new Error("页内内核的硬盘是只读的"); }
  get_buffer(done) { done(); }
  get_state() { return []; }
  set_state() {}
}

/** v86 编译出来的每个函数，和它的 WebAssembly 代码。 */
const compiled = new Map();
let compiling = 0, emulator, table;
const {instantiate} = WebAssembly;
WebAssembly.instantiate = async (code, imports) => {
  const kept = code.slice(); // v86 会在原处写下一段
  compiling++;
  const made = await instantiate(kept, imports);
  compiled.set(made.instance.exports.f, kept);
  setImmediate(() => compiling--); // 等 v86 收下
  return made;
};

const machine = new V86({
  wasm_fn: async (imports) => {
    table = imports.env.__indirect_function_table;
    return (emulator = (await instantiate(readFileSync(settings.wasm), imports)).instance.exports);
  },
  memory_size: settings.memory, vga_memory_size: 2 << 20,
  bios: buffer(settings.bios), vga_bios: buffer(settings.vga_bios), bzimage: buffer(settings.kernel),
  initrd: buffer(settings.initrd), hda: new Disk(settings.disk), cmdline: settings.cmdline,
  virtio_console: {type: "none"}, disable_keyboard: true, disable_mouse: true, disable_speaker: true,
  autostart: true, acpi: false,
});

/** 收字节，满一行交出一行。 */
function lines(take) {
  let pending = [];
  return (bytes) => {
    for (const byte of bytes) {
      if (byte === 10) { take(Buffer.from(pending).toString("utf8")); pending = []; } else pending.push(byte);
    }
  };
}

const log = lines((line) => {
  console.error(line);
  if (line.includes("Kernel panic")) process.exit(1);
});
machine.add_listener("serial0-output-byte", (byte) => log([byte]));
machine.add_listener("virtio-console0-output-bytes", lines((line) => {
  const answer = JSON.parse(line);
  if (answer.ready) setTimeout(warm);
  else if (answer.wrong) { console.error(line); process.exit(1); }
  else if (answer.ok) answered(answer);
}));

let answered;

function ask(question) {
  return new Promise((resolve) => {
    answered = resolve;
    machine.serial_send_bytes(0, Buffer.from(`${JSON.stringify({id: 0, ...question})}\n`));
  });
}

/**
 * 启动时编译的代码再也用不着：都忘掉，只留做实验要走的。
 * 每个模块小一些（一页代码，不是三页；最多添五十个基本块，不是二百五十个）：大的函数，浏览器优化一个就要许久，醒来的头几个实验慢三倍。
 */
async function warm() {
  emulator.jit_clear_cache_js();
  emulator.set_jit_config(1, 1);
  emulator.set_jit_config(3, 50);
  await ask({do: "hello", now: Date.now(), seed: "00".repeat(32)});
  for (const question of settings.warm) await ask(question);
  setTimeout(save); // 现在这一行还没有签收：存成快照，醒来的来宾会永远等下去
}

async function save() {
  await machine.stop();
  while (compiling) await new Promise(setImmediate);
  writeFileSync(settings.state, new Uint8Array(await machine.save_state()));
  saveCompiled();
  process.exit(0);
}

/** 编译好的代码，和 v86 自己的内存（来宾的内存除外：那在快照里）。worker.js 的 recall 把它们放回去。 */
function saveCompiled() {
  const all = new Uint8Array(emulator.memory.buffer), from = machine.v86.cpu.mem8.byteOffset, to = from + settings.memory;
  const functions = [], codes = [];
  for (let index = 0; index < table.length; index++) {
    const code = compiled.get(table.get(index));
    if (!code) continue;
    functions.push([index, code.length]);
    codes.push(code);
  }
  writeFileSync(settings.compiled, Buffer.concat([all.subarray(0, from), all.subarray(to), ...codes]));
  writeFileSync(settings.index, JSON.stringify({guest: from, own: all.length - settings.memory, functions}));
}
