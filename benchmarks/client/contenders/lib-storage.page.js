import { run } from "../run.page.js";
import { connectBy } from "./lib-storage.js";

run(connectBy((file) => file));
