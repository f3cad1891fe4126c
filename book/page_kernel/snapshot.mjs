// 在 v86 里启动页内内核，等应答的程序热好身，把整台机器存成快照。
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

const machine = new V86({
  wasm_path: settings.wasm, memory_size: settings.memory, vga_memory_size: 2 << 20,
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
  if (line.includes('"ready"')) setTimeout(save); // 现在这一行还没有签收：存成快照，醒来的来宾会永远等下去
  else console.error(line);
}));

async function save() {
  await machine.stop();
  writeFileSync(settings.state, new Uint8Array(await machine.save_state()));
  process.exit(0);
}
