// What tests need of the shim's pseudo-TA "system".
#pragma once

namespace sz::shim {

// Draws another device key for this process, as if it ran on another device from now on.
void change_device_key();

}  // namespace sz::shim
