// Lanes of one float, for every processor.
#pragma once

#include "platform.h"

#define GS_TARGET
#define GS_FUSED GS_HAVE_NEON

#include "lanes.h"
