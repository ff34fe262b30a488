// The page of a conversation that a server answers for.

import { open } from "./conversation.js";
import { Server } from "./source.js";

const served = document.getElementById("view");
open(served, new Server(served.dataset));
