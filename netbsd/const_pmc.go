package netbsd

// Operations and requests of pmc_control(2) and pmc_get_info(2), gone since NetBSD 9 (sys/pmc.h).
const (
	PMC_OP_START     = 1
	PMC_OP_STOP      = 2
	PMC_OP_CONFIGURE = 3
	PMC_OP_PROFSTART = 4
	PMC_OP_PROFSTOP  = 5

	PMC_INFO_NCOUNTERS                 = 1
	PMC_INFO_CPUCTR_TYPE               = 2
	PMC_INFO_COUNTER_VALUE             = 3
	PMC_INFO_ACCUMULATED_COUNTER_VALUE = 4
)

// A class of counters, and the type of its cycle counter (i386/pmc.h); what that counts.
const (
	PMC_CLASS_K7    = 0x30000
	PMC_TYPE_K7_TSC = 0x30001
	PMC_EVENT_TSC   = 0
)

// SizeofPmcCounterCfg is the size of struct pmc_counter_cfg: an int, the value to begin with at 8, flags at 16.
const SizeofPmcCounterCfg = 24
